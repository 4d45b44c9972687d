"""The loss of a sequence of tags with trained transitions. W windows, S sequence, C tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfbert.encoders.layers.masking import MASKED
from tfbert.tasks.token_classification.decoding import bio_constraint
from tfbert.tasks.token_classification.words import NO_TAG


@keras.saving.register_keras_serializable("tfbert")
class TagChainLoss(keras.losses.Loss):
    """Negative log likelihood of a window's tags among all sequences of tags that BIO allows, per word.

    Targets are int [W, S], -100 at tokens that are no word's first piece. Outputs are a dict of logits [W, S, C] and
    transitions [C, C]. The mean over the windows is the mean over their words. Sources: Lafferty et al. 2001,
    Conditional Random Fields; Papay et al. 2022, Constraining Linear-chain CRFs to Regular Languages, for the sequences
    that are left out.

    >>> loss = TagChainLoss(("O", "B-place", "I-place"))
    >>> outputs = {"logits": tf.zeros([1, 3, 3]), "transitions": tf.zeros([3, 3])}
    >>> float(loss([[-100, 1, 2]], outputs))  # one of 8 sequences: I-place does not follow O
    1.0397207736968994
    """

    def __init__(
        self,
        tags: Sequence[str],
        *,
        reduction: str = "sum_over_batch_size",
        name: str = "tag_chain_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.tags = tuple(tags)

    def call(self, target: tf.Tensor, outputs: dict[str, tf.Tensor]) -> tf.Tensor:
        target, logits = tf.cast(target, tf.int32), outputs["logits"]
        transitions = tf.repeat(outputs["transitions"][None], tf.shape(logits)[0], axis=0)  # [W, C, C]
        pairs = transitions + bio_constraint(self.tags)
        is_word = tf.not_equal(target, NO_TAG)
        others = tf.one_hot(tf.maximum(target, 0), len(self.tags), 0.0, MASKED)
        # With all other tags MASKED the sum over all sequences is the score of the one.
        all_rows, one_row = tf.unstack(
            tf.reshape(
                _log_sum(tf.concat([logits, logits + others], 0), tf.tile(pairs, [2, 1, 1]), tf.tile(is_word, [2, 1])),
                [2, -1],
            )
        )
        words = tf.math.count_nonzero(is_word, dtype=logits.dtype)
        return (all_rows - one_row) * tf.math.divide_no_nan(tf.cast(tf.shape(logits)[0], logits.dtype), words)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tags": list(self.tags)}


def _log_sum(logits, pairs, is_word):
    """The logarithm of the summed weights of all sequences of tags, [W]; pairs [W, C, C]."""

    def step(state, place):
        total, begun = state
        scores, is_word = place
        behind = tf.where(begun, tf.reduce_logsumexp(total[:, :, None] + pairs, 1), 0.0) + scores
        return tf.where(is_word, behind, total), begun | is_word

    start = tf.zeros_like(logits[:, 0]), tf.zeros_like(is_word[:, :1])
    total, _ = tf.foldl(step, (tf.transpose(logits, [1, 0, 2]), tf.transpose(is_word)[:, :, None]), start)
    return tf.reduce_logsumexp(total, -1)
