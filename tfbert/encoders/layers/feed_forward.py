"""The position-wise feed-forward network. B batch, S sequence, H hidden, I intermediate, T = B x S."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfbert.encoders.layers.activations import activation
from tfbert.encoders.layers.initializers import TruncatedNormal


@keras.saving.register_keras_serializable("tfbert")
class FeedForward(keras.layers.Layer):
    """Two dense layers with an activation between: [B, S, H] -> [B, S, I] -> [B, S, H].

    Source: Vaswani et al. 2017, section 3.3; Hugging Face BertIntermediate and BertOutput.

    >>> FeedForward(4, 16)(keras.ops.ones((1, 3, 4))).shape
    TensorShape([1, 3, 4])
    """

    def __init__(
        self,
        hidden_size: int,
        intermediate_size: int,
        *,
        hidden_act: str = "gelu",
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.hidden_size, self.intermediate_size = hidden_size, intermediate_size
        self.hidden_act, self.initializer_range = hidden_act, initializer_range
        self.activation = activation(hidden_act)

        def dense(units: Any, name: str) -> Any:
            return keras.layers.Dense(
                units,
                kernel_initializer=TruncatedNormal(stddev=initializer_range),
                dtype=self.dtype_policy,
                name=name,
            )

        self.intermediate, self.output_dense = (
            dense(intermediate_size, "intermediate"),
            dense(hidden_size, "output"),
        )

    def build(self, hidden_shape: Any) -> None:
        self.intermediate.build((None, self.hidden_size))
        self.output_dense.build((None, self.intermediate_size))

    def call(self, hidden: Any) -> Any:
        tokens = ops.reshape(hidden, (-1, self.hidden_size))  # 2-D, so that oneDNN fuses bias and GELU
        tokens = self.output_dense(self.activation(self.intermediate(tokens)))
        return ops.reshape(tokens, ops.shape(hidden))

    def compute_output_spec(self, hidden: Any) -> Any:
        return keras.KerasTensor(hidden.shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "hidden_act": self.hidden_act,
            "initializer_range": self.initializer_range,
        }
