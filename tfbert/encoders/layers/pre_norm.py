"""One layer of an encoder whose LayerNorms come first. B batch, S sequence, T tokens, H hidden, N heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tfbert.encoders.layers.attention import SelfAttention
from tfbert.encoders.layers.dense import LayerNorm, at_least_float32, residual
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.gated import GatedFeedForward
from tfbert.encoders.layers.layout import Layout, on_rows
from tfbert.encoders.layers.rotary import Rotary


@keras.saving.register_keras_serializable("tfbert")
class PreNormBlock(keras.layers.Layer):
    """LayerNorm and self-attention, then LayerNorm and a gated feed-forward network; a residual sum follows each.

    Inputs: hidden [B, S, H], padding_mask [B, S] or [B, S, S]. Output: [B, S, H]; with `return_probs` also the
    attention probabilities [B, N, S, S]. With a `Layout` in place of the mask, hidden and output are its tokens'
    [T, H]. The sums are computed in float32 at least. Source: Warner et
    al. 2024, section 2.1; Hugging Face ModernBertEncoderLayer.

    Args:
        attention_dropout: of the attention's probabilities and of its output.
        feed_forward_dropout: of the vectors [T, I].
        attention_bias, feed_forward_bias, norm_bias: whether these layers have biases.
        theta, reach: as in `SelfAttention`.
        has_attention_norm: False for the first layer after a LayerNorm.

    >>> PreNormBlock(4, 2, 16)(keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 3))).shape
    TensorShape([1, 3, 4])
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        *,
        hidden_act: str = "gelu",
        attention_dropout: float = 0.0,
        feed_forward_dropout: float = 0.0,
        attention_bias: bool = False,
        feed_forward_bias: bool = False,
        norm_bias: bool = False,
        layer_norm_eps: float = 1e-5,
        initializer_range: float = 0.02,
        theta: float | None = None,
        reach: int | None = None,
        has_attention_norm: bool = True,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self._settings = {
            "hidden_size": hidden_size,
            "num_heads": num_heads,
            "intermediate_size": intermediate_size,
            "hidden_act": hidden_act,
            "attention_dropout": attention_dropout,
            "feed_forward_dropout": feed_forward_dropout,
            "attention_bias": attention_bias,
            "feed_forward_bias": feed_forward_bias,
            "norm_bias": norm_bias,
            "layer_norm_eps": layer_norm_eps,
            "initializer_range": initializer_range,
            "theta": theta,
            "reach": reach,
            "has_attention_norm": has_attention_norm,
        }
        self.hidden_size, common = hidden_size, {"dtype": self.dtype_policy}
        norm = {"epsilon": layer_norm_eps, "center": norm_bias, **common}
        self.attention_norm = LayerNorm(name="attention_norm", **norm) if has_attention_norm else None
        self.attention = SelfAttention(
            hidden_size,
            num_heads,
            dropout=attention_dropout,
            initializer_range=initializer_range,
            use_bias=attention_bias,
            theta=theta,
            reach=reach,
            name="attention",
            **common,
        )
        self.attention_output_dropout = Dropout(attention_dropout, name="attention_output_dropout", **common)
        self.feed_forward_norm = LayerNorm(name="feed_forward_norm", **norm)
        self.feed_forward = GatedFeedForward(
            hidden_size,
            intermediate_size,
            hidden_act=hidden_act,
            dropout=feed_forward_dropout,
            initializer_range=initializer_range,
            use_bias=feed_forward_bias,
            name="feed_forward",
            **common,
        )

    def build(self, hidden_shape: Any, padding_mask_shape: Any = None) -> None:
        shape = (None, None, self.hidden_size)
        if self.attention_norm is not None:
            self.attention_norm.build(shape)
        self.attention.build(shape, (None, None))
        self.feed_forward_norm.build(shape)
        self.feed_forward.build(shape)

    def call(
        self,
        hidden: Any,
        padding_mask: Any = None,
        *,
        layout: Layout | None = None,
        rotary: Mapping[float, Rotary] | None = None,
        training: bool = False,
        return_probs: bool = False,
    ) -> Any:
        if layout is None:
            return on_rows(self.call, hidden, padding_mask, rotary=rotary, training=training, return_probs=return_probs)
        x = hidden if self.attention_norm is None else self.attention_norm(hidden)
        attended = self.attention(x, layout=layout, rotary=rotary, training=training, return_probs=return_probs)
        attended, *probs = attended if return_probs else (attended,)
        hidden = residual(hidden, self.attention_output_dropout(attended, training=training))
        forward = self.feed_forward(self.feed_forward_norm(hidden), training=training)
        hidden = residual(hidden, forward)
        return (hidden, *probs) if return_probs else hidden

    def compute_output_spec(
        self, hidden: Any, padding_mask: Any = None, *, training: bool = False, return_probs: bool = False
    ) -> Any:
        output = keras.KerasTensor(hidden.shape, at_least_float32(hidden.dtype))
        if not return_probs:
            return output
        return output, self.attention.compute_output_spec(hidden, padding_mask, return_probs=True)[1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._settings}
