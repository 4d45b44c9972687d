"""The loss of multiple choice. B rows, C choices of each, W = B x C pairs."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfbert")
class MultipleChoiceLoss(keras.losses.Loss):
    """Cross-entropy over the choices of each row, averaged over the rows.

    As in Hugging Face's multiple choice. Targets: [W, 2], the number of the right choice in each pair's row, and C.
    Outputs: logits [W, 1], the pairs of a row one after the other. Each pair gets its row's loss, so that weights of
    pairs and means over micro-batches are those of rows.

    >>> float(MultipleChoiceLoss()([[0, 2], [0, 2]], [[0.0], [0.0]]))
    0.6931471824645996
    """

    def __init__(
        self, *, reduction: str = "sum_over_batch_size", name: str = "multiple_choice_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        truth = tf.cast(truth, tf.int32)
        count = tf.maximum(1, tf.reduce_max(truth[:, 1]))  # a replica may have no row of a small batch
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(truth[::count, 0], tf.reshape(logits, [-1, count]))
        return tf.repeat(losses, count)
