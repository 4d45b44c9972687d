"""One layer of the encoder. B batch, S sequence, T tokens, H hidden, N heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras

from tfbert.encoders.layers.attention import SelfAttention
from tfbert.encoders.layers.dense import LayerNorm, at_least_float32, residual
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.feed_forward import FeedForward
from tfbert.encoders.layers.gated import GatedFeedForward
from tfbert.encoders.layers.layout import Layout, on_rows
from tfbert.encoders.layers.rotary import Rotary

if TYPE_CHECKING:
    from tfbert.encoders.config import EncoderConfig


@keras.saving.register_keras_serializable("tfbert")
class EncoderBlock(keras.layers.Layer):
    """Self-attention, then feed-forward. Dropout, a residual sum and LayerNorm follow each of them.

    Inputs: hidden [B, S, H], padding_mask [B, S] or [B, S, S]. Output: [B, S, H]; with `return_probs` also the
    attention probabilities [B, N, S, S]. With a `Layout` in place of the mask, hidden and output are its tokens'
    [T, H]. The sums and LayerNorms are computed in float32 at least. Source: Vaswani et al. 2017, figure 1; Hugging
    Face BertLayer.

    Args:
        attention: a layer of another kind of scores, in place of `SelfAttention`.
        use_bias: whether the attention and the feed-forward network have biases.
        gated: whether the feed-forward network is a `GatedFeedForward`.
        theta: as in `SelfAttention`.

    >>> EncoderBlock(4, 2, 16)(keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 3))).shape
    TensorShape([1, 3, 4])
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        *,
        hidden_act: str = "gelu",
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        layer_norm_eps: float = 1e-12,
        initializer_range: float = 0.02,
        attention: SelfAttention | None = None,
        use_bias: bool = True,
        gated: bool = False,
        theta: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.hidden_size, self.num_heads, self.intermediate_size = hidden_size, num_heads, intermediate_size
        self.hidden_act, self.dropout_rate, self.attention_dropout = hidden_act, dropout, attention_dropout
        self.layer_norm_eps, self.initializer_range = layer_norm_eps, initializer_range
        self.use_bias, self.gated, self.theta = use_bias, gated, theta
        common = {"dtype": self.dtype_policy}
        self.attention = attention or SelfAttention(
            hidden_size,
            num_heads,
            dropout=attention_dropout,
            initializer_range=initializer_range,
            use_bias=use_bias,
            theta=theta,
            name="attention",
            **common,
        )
        self.attention_norm = LayerNorm(epsilon=layer_norm_eps, name="attention_norm", **common)
        self.attention_output_dropout = Dropout(dropout, name="attention_output_dropout", **common)
        self.feed_forward = (GatedFeedForward if gated else FeedForward)(
            hidden_size,
            intermediate_size,
            hidden_act=hidden_act,
            initializer_range=initializer_range,
            use_bias=use_bias,
            name="feed_forward",
            **common,
        )
        self.output_norm = LayerNorm(epsilon=layer_norm_eps, name="output_norm", **common)
        self.output_dropout = Dropout(dropout, name="output_dropout", **common)

    def build(self, hidden_shape: Any, padding_mask_shape: Any = None) -> None:
        shape = (None, None, self.hidden_size)
        self.attention.build(shape, (None, None))
        self.feed_forward.build(shape)
        self.attention_norm.build(shape)
        self.output_norm.build(shape)

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
        attended = self.attention(hidden, layout=layout, rotary=rotary, training=training, return_probs=return_probs)
        attended, *probs = attended if return_probs else (attended,)
        attended = self.attention_output_dropout(attended, training=training)
        hidden = self.attention_norm(residual(hidden, attended))
        forward = self.output_dropout(self.feed_forward(hidden), training=training)
        hidden = self.output_norm(residual(hidden, forward))
        return (hidden, *probs) if return_probs else hidden

    def compute_output_spec(
        self, hidden: Any, padding_mask: Any = None, *, training: bool = False, return_probs: bool = False
    ) -> Any:
        output = keras.KerasTensor(hidden.shape, at_least_float32(hidden.dtype))
        if not return_probs:
            return output
        return output, self.attention.compute_output_spec(hidden, padding_mask, return_probs=True)[1]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_size": self.hidden_size,
            "num_heads": self.num_heads,
            "intermediate_size": self.intermediate_size,
            "hidden_act": self.hidden_act,
            "dropout": self.dropout_rate,
            "attention_dropout": self.attention_dropout,
            "layer_norm_eps": self.layer_norm_eps,
            "initializer_range": self.initializer_range,
            "use_bias": self.use_bias,
            "gated": self.gated,
            "theta": self.theta,
        }


def encoder_block(config: EncoderConfig, name: str, **kwargs: Any) -> EncoderBlock:
    """A block that a configuration asks for."""
    return EncoderBlock(
        config.hidden_size,
        config.num_attention_heads,
        config.intermediate_size,
        hidden_act=config.hidden_act,
        dropout=config.hidden_dropout_prob,
        attention_dropout=config.attention_probs_dropout_prob,
        layer_norm_eps=config.layer_norm_eps,
        initializer_range=config.initializer_range,
        name=name,
        **kwargs,
    )


def encoder_blocks(config: EncoderConfig, **kwargs: Any) -> list[EncoderBlock]:
    """The blocks that a configuration asks for, named block_0, block_1, …."""
    return [encoder_block(config, f"block_{i}", **kwargs) for i in range(config.num_hidden_layers)]
