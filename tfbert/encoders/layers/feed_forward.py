"""The position-wise feed-forward network. B batch, S sequence, T tokens, H hidden, I intermediate."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfbert.encoders.layers.activations import activation
from tfbert.encoders.layers.dense import dense


@keras.saving.register_keras_serializable("tfbert")
class FeedForward(keras.layers.Layer):
    """Two dense layers with an activation between: [T, H] -> [T, I] -> [T, H], or the same of [B, S, H].

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
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.hidden_size, self.intermediate_size = hidden_size, intermediate_size
        self.hidden_act, self.initializer_range, self.use_bias = hidden_act, initializer_range, use_bias
        self.activation = activation(hidden_act)

        self.intermediate, self.output_dense = (
            dense(units, initializer_range, name, self.dtype_policy, use_bias=use_bias)
            for units, name in ((intermediate_size, "intermediate"), (hidden_size, "output"))
        )

    def build(self, hidden_shape: Any) -> None:
        self.intermediate.build((None, self.hidden_size))
        self.output_dense.build((None, self.intermediate_size))

    def call(self, hidden: Any) -> Any:
        if len(hidden.shape) == 2:
            return self.output_dense(self.activation(self.intermediate(hidden)))
        # oneDNN fuses bias and GELU into a product of two axes, not of three.
        return ops.reshape(self.call(ops.reshape(hidden, (-1, self.hidden_size))), ops.shape(hidden))

    def compute_output_spec(self, hidden: Any) -> Any:
        return keras.KerasTensor(hidden.shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "hidden_act": self.hidden_act,
            "initializer_range": self.initializer_range,
            "use_bias": self.use_bias,
        }
