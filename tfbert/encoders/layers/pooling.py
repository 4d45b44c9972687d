"""One vector for a sentence, made of its tokens' vectors. B batch, S sequence, H hidden, D dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from tfbert.encoders.layers.activations import activation
from tfbert.encoders.layers.dense import Dense
from tfbert.encoders.layers.initializers import TruncatedNormal
from tfbert.encoders.layers.masking import MASKED

if TYPE_CHECKING:
    from tfbert.encoders.config import EncoderConfig

POOLINGS = ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
MIN_TOKENS = 1e-9  # the divisor for a sentence without tokens, so that its mean is 0 and not 0 / 0
MIN_SQUARE = 1e-24  # a vector with a smaller sum of squares is not scaled to length 1, as in PyTorch's `normalize`


@keras.saving.register_keras_serializable("tfbert")
class SentencePooling(keras.layers.Layer):
    """The mean or maximum over all tokens but padding, or the vector of the first or the last.

    "mean_sqrt_len_tokens" divides the sum by the square root of their number; "weightedmean" weighs each by its place,
    from 1 on.

    Inputs: sequence_output [B, S, H], padding_mask int [B, S] (1 = token). Output: [B, D], in the layer's dtype.
    Source: sentence-transformers, models/Pooling.py; Kusupati et al. 2022 for keeping only the first dimensions.

    Args:
        pooling: one of `POOLINGS`.
        skipped: how many tokens of each text are left out, from the first on, such as those of a prompt.
        dimensions: how many of the vector's first numbers are kept; 0 keeps all.
        normalize: scale what is kept to length 1.

    >>> SentencePooling("mean", normalize=False)(keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 3))).shape
    TensorShape([1, 4])
    """

    def __init__(
        self, pooling: str = "mean", *, skipped: int = 0, dimensions: int = 0, normalize: bool = True, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling {pooling!r} is not one of {', '.join(POOLINGS)}")
        self.pooling, self.skipped, self.dimensions, self.normalize = pooling, skipped, dimensions, normalize

    def call(self, sequence_output: Any, padding_mask: Any) -> Any:
        pooled = self._pooled(sequence_output, padding_mask)
        if self.dimensions:
            pooled = pooled[:, : self.dimensions]
        return unit_length(pooled) if self.normalize else pooled

    def _pooled(self, sequence_output, padding_mask):
        if self.pooling == "cls" and not self.skipped:
            return sequence_output[:, 0]
        is_token = ops.cast(padding_mask, sequence_output.dtype)  # [B, S]
        if self.pooling == "mean" and not self.skipped:
            place = kept = is_token
        else:
            place = ops.cumsum(is_token, axis=1)  # 1 for a text's first token
            kept = is_token * ops.cast(place > self.skipped, is_token.dtype)
        if self.pooling == "max":
            return ops.max(ops.where(ops.expand_dims(kept, -1) > 0, sequence_output, MASKED), axis=1)
        if self.pooling in ("cls", "lasttoken"):
            length = ops.sum(is_token, axis=1, keepdims=True)
            # The first of a text that is no longer than what is skipped is its very first.
            first = ops.where(length > self.skipped, self.skipped + 1.0, 1.0)
            wanted = first if self.pooling == "cls" else length
            weights = (is_token if self.pooling == "cls" else kept) * ops.cast(place == wanted, is_token.dtype)
            return ops.sum(sequence_output * ops.expand_dims(weights, -1), axis=1)
        weights = kept * place if self.pooling == "weightedmean" else kept
        total = ops.sum(sequence_output * ops.expand_dims(weights, -1), axis=1)
        count = ops.maximum(ops.sum(weights, axis=1, keepdims=True), MIN_TOKENS)
        return total / (ops.sqrt(count) if self.pooling == "mean_sqrt_len_tokens" else count)

    def compute_output_shape(self, sequence_output_shape: Any, padding_mask_shape: Any = None) -> tuple:
        return (sequence_output_shape[0], self.dimensions or sequence_output_shape[-1])

    def get_config(self) -> dict[str, Any]:
        config = {name: getattr(self, name) for name in ("pooling", "skipped", "dimensions", "normalize")}
        return {**super().get_config(), **config}


def unit_length(vectors: Any) -> Any:
    """Vectors [..., D] scaled to length 1; zero vectors stay as they are."""
    return vectors * ops.rsqrt(ops.maximum(ops.sum(ops.square(vectors), axis=-1, keepdims=True), MIN_SQUARE))


def first_token_pooler(config: EncoderConfig, **kwargs: Any) -> Dense:
    """The dense layer "pooler": the first token's vector to the text vector (Hugging Face BertPooler)."""
    return Dense(
        config.hidden_size,
        activation=activation(config.pooler_act),
        kernel_initializer=TruncatedNormal(stddev=config.initializer_range, always_drawn=True),
        name="pooler",
        **kwargs,
    )
