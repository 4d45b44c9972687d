"""Keras' Dense and LayerNormalization as encoders use them. T tokens, W width."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfbert.encoders.layers.derived import derived
from tfbert.encoders.layers.initializers import TruncatedNormal


@keras.saving.register_keras_serializable("tfbert")
class Dense(keras.layers.Dense):
    """Keras' Dense, whose kernel is cast to half precision once where weights do not change any more.

    >>> Dense(4)(keras.ops.ones((2, 3))).shape
    TensorShape([2, 4])
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if self.compute_dtype == self.variable_dtype:
            return super().call(inputs, training=training)
        kernel = derived(self, "kernel", lambda: ops.cast(self.kernel, self.compute_dtype))
        outputs = tf.matmul(inputs, kernel)
        if self.bias is not None:
            outputs = tf.nn.bias_add(outputs, derived(self, "bias", lambda: ops.cast(self.bias, self.compute_dtype)))
        return outputs if self.activation is None else self.activation(outputs)


def dense(units: int, initializer_range: float, name: str, dtype: Any, *, use_bias: bool = True) -> Dense:
    """A `Dense` with BERT's initializer."""
    initializer = TruncatedNormal(stddev=initializer_range)
    return Dense(units, use_bias=use_bias, kernel_initializer=initializer, dtype=dtype, name=name)


@keras.saving.register_keras_serializable("tfbert")
class LayerNorm(keras.layers.LayerNormalization):
    """Keras' LayerNormalization over the last axis, computed and returned in float32 at least. `center` False: no bias.

    Of few operations, none of which TensorFlow replaces with oneDNN's LayerNorm: for a lone short text on two threads
    that takes 1 to 2 ms longer.

    >>> LayerNorm()(keras.ops.ones((2, 3))).shape
    TensorShape([2, 3])
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs: Any) -> Any:
        dtype = at_least_float32(inputs.dtype)
        x, gamma = (ops.cast(each, dtype) for each in (inputs, self.gamma))
        beta = 0.0 if self.beta is None else ops.cast(self.beta, dtype)
        mean = tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axis=-1, keepdims=True)
        scale = tf.math.rsqrt(variance + self.epsilon) * gamma
        return x * scale + (beta - mean * scale)

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, at_least_float32(inputs.dtype))


def residual(hidden: Any, change: Any) -> Any:
    """hidden + change, in the type of `hidden`."""
    # Of equal types as a sum of a list, which oneDNN joins with the product and the bias before it.
    return tf.add_n([ops.cast(change, hidden.dtype), hidden])


def at_least_float32(dtype: Any) -> str:
    """float32 for half precision; else the type itself."""
    return keras.backend.result_type(keras.backend.standardize_dtype(dtype), "float32")
