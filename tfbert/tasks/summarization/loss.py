"""The loss of extractive summarization. W windows, S sequence."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfbert")
class SentenceLoss(keras.losses.Loss):
    """Binary cross-entropy of sentences, whose logit is the mean of their tokens' logits [W, S].

    Targets are int [W, S, 2]: the number of a token's sentence, -1 for none, and whether the sentence belongs to the
    summary. A window's loss is the mean of its sentences', 0 without any; a sentence is all in one window.

    Source: Liu 2019, Fine-tune BERT for Extractive Summarization, section 2.2.

    >>> float(SentenceLoss()(tf.constant([[[-1, 0], [0, 1], [0, 1]]]), tf.constant([[9.0, 1.0, -1.0]])))
    0.6931471824645996
    """

    def __init__(self, *, reduction: str = "sum_over_batch_size", name: str = "sentence_loss", **kwargs: Any) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        sentence, label = tf.unstack(tf.cast(truth, tf.int32), axis=-1)  # [W, S]
        # A sentence's mean stands at its first token; all shapes are those of the tokens, as XLA wants.
        same = tf.cast(tf.equal(sentence[:, :, None], sentence[:, None, :]), logits.dtype)  # [W, S, S]
        before = tf.linalg.band_part(same, -1, 0) - tf.linalg.band_part(same, 0, 0)
        is_first = (sentence >= 0) & tf.equal(tf.reduce_sum(before, -1), 0)
        logit = tf.linalg.matvec(same, logits) / tf.reduce_sum(same, -1)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(label, logit.dtype), logit)
        count = tf.reduce_sum(tf.cast(is_first, logit.dtype), -1)
        return tf.math.divide_no_nan(tf.reduce_sum(tf.where(is_first, losses, 0.0), -1), count)
