"""The loss of question answering. W windows, S sequence."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfbert")
class SpanLoss(keras.losses.Loss):
    """Mean cross-entropy of an answer's first and last token, int [W, 2], in logits [W, S, 2], averaged over windows.

    Source: Devlin et al. 2018, section 4.2.

    >>> float(SpanLoss()([[0, 1]], [[[0.0, 0.0], [0.0, 0.0]]]))
    0.6931471824645996
    """

    def __init__(self, *, reduction: str = "sum_over_batch_size", name: str = "span_loss", **kwargs: Any) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        by_end = tf.transpose(logits, [0, 2, 1])  # [W, 2, S]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(truth, tf.int32), by_end)
        return tf.reduce_mean(losses, axis=-1)
