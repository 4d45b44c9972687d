"""The loss of a classification. B batch, L labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.tasks.classification.label_reading import UNKNOWN


@keras.saving.register_keras_serializable("tfbert")
class ClassificationLoss(keras.losses.Loss):
    """Cross-entropy, binary cross-entropy or squared error of logits [B, L], averaged over the batch.

    Of a number from 0 to 1, which is the sigmoid of its logit, binary cross-entropy.

    As in Hugging Face's sequence classification. `class_weights` [L] scale the loss of a label if it is the true one
    (single_label) or present (multi_label). Targets: int [B], 0/1 [B, L] or float [B]. A label of -1, which is one that
    the model does not know, adds 0 to the sum.

    >>> float(ClassificationLoss("single_label")(tf.constant([0]), tf.zeros([1, 2])))
    0.6931471824645996
    """

    def __init__(
        self,
        problem: str = "single_label",
        class_weights: Sequence[float] | str = (),
        *,
        activation: str = "linear",
        reduction: str = "sum_over_batch_size",
        name: str = "classification_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.problem, self.activation = problem, activation
        self.class_weights = class_weights if isinstance(class_weights, str) else tuple(class_weights)

    def call(self, truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        if self.problem == "regression":
            truth = tf.reshape(tf.cast(truth, logits.dtype), [-1])
            if self.activation == "sigmoid":
                return tf.nn.sigmoid_cross_entropy_with_logits(truth, logits[:, 0])
            return tf.square(truth - logits[:, 0])
        if isinstance(self.class_weights, str):
            raise ConfigError(
                f"class_weights={self.class_weights!r} become numbers when fit reads labels from a Table or lists; "
                "give a number for each label to train on a tf.data.Dataset, or to evaluate first"
            )
        weights = tf.constant(self.class_weights or (1.0,) * logits.shape[-1], logits.dtype)
        self._check_shape(truth, logits)
        if self.problem == "multi_label":
            truth = tf.cast(truth, logits.dtype)
            return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(truth, logits, weights), axis=-1)
        truth = tf.cast(tf.reshape(truth, [-1]), tf.int32)
        known = truth != UNKNOWN
        truth = tf.where(known, truth, 0)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits) * tf.gather(weights, truth)
        return tf.where(known, losses, tf.zeros_like(losses))

    def _check_shape(self, truth, logits):
        """Refuses targets [B, L] of one label a row, and [B] of several: TensorFlow's message names neither."""
        shape, size = tf.TensorShape(truth.shape), logits.shape[-1]
        if self.problem == "single_label" and shape.rank == 2 and shape[1] not in (1, None):
            raise ValueError(
                f"labels of shape {shape}: problem=single_label takes the number of a class for each row, [B]; of "
                "one-hot rows that is tf.argmax(y, -1); several labels of a row are problem='multi_label'"
            )
        if self.problem == "multi_label" and not shape.is_compatible_with([None, size]):
            raise ValueError(
                f"labels of shape {shape}: problem=multi_label takes 0 or 1 for each of the {size} labels, "
                f"[B, {size}]; the number of one class is problem='single_label'"
            )

    def get_config(self) -> dict[str, Any]:
        weights = self.class_weights if isinstance(self.class_weights, str) else list(self.class_weights)
        config = {"problem": self.problem, "class_weights": weights, "activation": self.activation}
        return {**super().get_config(), **config}
