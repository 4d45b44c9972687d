"""The gated feed-forward network. T tokens, H hidden, I intermediate."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfbert.encoders.layers.dense import dense
from tfbert.encoders.layers.derived import derived
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.feed_forward import FeedForward


@keras.saving.register_keras_serializable("tfbert")
class GatedFeedForward(FeedForward):
    """A dense layer with an activation, times another one without, and a dense layer of the product.

    [T, H] -> [T, I] -> [T, H], or the same of [B, S, H]. Source: Shazeer 2020, "GLU Variants Improve Transformer",
    section 2: GEGLU, SwiGLU and others, by the activation.

    >>> GatedFeedForward(4, 16)(keras.ops.ones((1, 3, 4))).shape
    TensorShape([1, 3, 4])
    """

    def __init__(
        self, hidden_size: int, intermediate_size: int, *, dropout: float = 0.0, use_bias: bool = False, **kwargs: Any
    ):
        super().__init__(hidden_size, intermediate_size, use_bias=use_bias, **kwargs)
        self.dropout_rate = dropout
        self.gate = dense(intermediate_size, self.initializer_range, "gate", self.dtype_policy, use_bias=use_bias)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, hidden_shape: Any) -> None:
        super().build(hidden_shape)
        self.gate.build((None, self.hidden_size))

    def call(self, hidden: Any, training: bool = False) -> Any:
        if len(hidden.shape) != 2:
            tokens = ops.reshape(hidden, (-1, self.hidden_size))
            return ops.reshape(self.call(tokens, training=training), ops.shape(hidden))
        # One product with both kernels side by side.
        kernel = derived(self, "kernel", functools.partial(self._both, "kernel"))
        both = tf.matmul(ops.cast(hidden, self.compute_dtype), kernel)
        if self.use_bias:
            both = tf.nn.bias_add(both, derived(self, "bias", functools.partial(self._both, "bias")))
        inner, gate = tf.split(both, 2, axis=-1)
        return self.output_dense(self.dropout(self.activation(inner) * gate, training=training))

    def _both(self, part):
        """The kernels [H, 2 x I] or biases [2 x I] of the two layers."""
        parts = [getattr(layer, part) for layer in (self.intermediate, self.gate)]
        return ops.cast(ops.concatenate(parts, axis=-1), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dropout": self.dropout_rate}
