"""Multi-head self-attention. B batch, S sequence, H hidden, N heads, D head size, T = B x S."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.initializers import TruncatedNormal
from tfbert.encoders.layers.masking import MASKED


@keras.saving.register_keras_serializable("tfbert")
class SelfAttention(keras.layers.Layer):
    """Scaled dot-product attention: every token attends to every token that is not padding.

    Inputs: hidden [B, S, H]; padding_mask bool or int [B, S] (1 = token), or [B, S, S] with 1 where the token of axis 1
    attends to the token of axis 2. Output: [B, S, H]; with `return_probs` also the attention probabilities
    [B, N, S, S]. The softmax is computed in float32.
    Source: Vaswani et al. 2017, section 3.2; Hugging Face BertSelfAttention.

    >>> SelfAttention(4, 2)(keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 3))).shape
    TensorShape([1, 3, 4])
    """

    def __init__(
        self, hidden_size: int, num_heads: int, *, dropout: float = 0.1, initializer_range: float = 0.02, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.hidden_size, self.num_heads, self.dropout_rate = hidden_size, num_heads, dropout
        self.head_size, self.initializer_range = hidden_size // num_heads, initializer_range

        def dense(name: str) -> Any:
            return keras.layers.Dense(
                hidden_size,
                kernel_initializer=TruncatedNormal(stddev=initializer_range),
                dtype=self.dtype_policy,
                name=name,
            )

        self.query, self.key, self.value = dense("query"), dense("key"), dense("value")
        self.output_dense = dense("output")
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, hidden_shape: Any, padding_mask_shape: Any = None) -> None:
        for layer in (self.query, self.key, self.value, self.output_dense):
            layer.build((None, self.hidden_size))

    def call(self, hidden: Any, padding_mask: Any, training: bool = False, return_probs: bool = False) -> Any:
        batch, length = ops.shape(hidden)[0], ops.shape(hidden)[1]
        # oneDNN fuses the bias into a product of [T, H] by [H, H], but not into one of [B, S, H].
        tokens = ops.reshape(hidden, (-1, self.hidden_size))

        def heads(layer: Any) -> Any:  # [T, H] -> [B, N, S, D]
            x = ops.reshape(layer(tokens), (batch, length, self.num_heads, self.head_size))
            return ops.transpose(x, (0, 2, 1, 3))

        query = heads(self.query) * (1.0 / math.sqrt(self.head_size))
        scores = ops.matmul(query, ops.transpose(heads(self.key), (0, 1, 3, 2)))  # [B, N, S, S]
        # Scores are float32 for every compute dtype, and stay finite in a row whose keys are all padding.
        bias = (1.0 - ops.cast(padding_mask, "float32")) * MASKED  # [B, S] or [B, S, S]
        if len(bias.shape) == 2:
            bias = ops.expand_dims(bias, 1)
        bias = ops.expand_dims(bias, 1)  # [B, 1, 1 or S, S]
        probs = ops.softmax(ops.cast(scores, "float32") + bias, axis=-1)
        probs = ops.cast(probs, self.compute_dtype)
        context = ops.matmul(self.dropout(probs, training=training), heads(self.value))  # [B, N, S, D]
        context = ops.reshape(ops.transpose(context, (0, 2, 1, 3)), (-1, self.hidden_size))
        output = ops.reshape(self.output_dense(context), (batch, length, self.hidden_size))
        return (output, probs) if return_probs else output

    def compute_output_spec(
        self, hidden: Any, padding_mask: Any, training: bool = False, return_probs: bool = False
    ) -> Any:
        output = keras.KerasTensor(hidden.shape, self.compute_dtype)
        batch, length = hidden.shape[:2]
        probs = keras.KerasTensor((batch, self.num_heads, length, length), self.compute_dtype)
        return (output, probs) if return_probs else output

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_size": self.hidden_size,
            "num_heads": self.num_heads,
            "dropout": self.dropout_rate,
            "initializer_range": self.initializer_range,
        }
