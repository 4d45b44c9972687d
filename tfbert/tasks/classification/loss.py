"""The loss of a classification. B batch, L labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfbert")
class ClassificationLoss(keras.losses.Loss):
    """Cross-entropy, binary cross-entropy or squared error of logits [B, L], averaged over the batch.

    As in Hugging Face's sequence classification. `class_weights` [L] scale the loss of a label if it is the true one
    (single_label) or present (multi_label). Targets: int [B], 0/1 [B, L] or
    float [B].

    >>> float(ClassificationLoss("single_label")(tf.constant([0]), tf.zeros([1, 2])))
    0.6931471824645996
    """

    def __init__(
        self,
        problem: str = "single_label",
        class_weights: Sequence[float] = (),
        *,
        reduction: str = "sum_over_batch_size",
        name: str = "classification_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.problem, self.class_weights = problem, tuple(class_weights)

    def call(self, truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        if self.problem == "regression":
            return tf.square(tf.reshape(tf.cast(truth, logits.dtype), [-1]) - logits[:, 0])
        weights = tf.constant(self.class_weights or (1.0,) * logits.shape[-1], logits.dtype)
        if self.problem == "multi_label":
            truth = tf.cast(truth, logits.dtype)
            return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(truth, logits, weights), axis=-1)
        truth = tf.cast(tf.reshape(truth, [-1]), tf.int32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits)
        return losses * tf.gather(weights, truth)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "problem": self.problem, "class_weights": list(self.class_weights)}
