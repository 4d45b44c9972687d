"""One vector for a sentence, made of its tokens' vectors. B batch, S sequence, H hidden, D dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from tfbert.encoders.layers.activations import activation
from tfbert.encoders.layers.initializers import TruncatedNormal
from tfbert.encoders.layers.masking import MASKED

if TYPE_CHECKING:
    from tfbert.encoders.config import EncoderConfig

POOLINGS = ("mean", "cls", "max")
MIN_TOKENS = 1e-9  # the divisor for a sentence without tokens, so that its mean is 0 and not 0 / 0
MIN_SQUARE = 1e-24  # a vector with a smaller sum of squares is not scaled to length 1, as in PyTorch's `normalize`


@keras.saving.register_keras_serializable("tfbert")
class SentencePooling(keras.layers.Layer):
    """The mean or maximum over all tokens but padding, or the first token's vector.

    Inputs: sequence_output [B, S, H], padding_mask int [B, S] (1 = token). Output: [B, D], in the layer's dtype.
    Source: sentence-transformers, models/Pooling.py; Kusupati et al. 2022 for keeping only the first dimensions.

    Args:
        pooling: "mean", "cls" or "max".
        dimensions: how many of the vector's first numbers are kept; 0 keeps all.
        normalize: scale what is kept to length 1.

    >>> SentencePooling("mean", normalize=False)(keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 3))).shape
    TensorShape([1, 4])
    """

    def __init__(self, pooling: str = "mean", *, dimensions: int = 0, normalize: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling {pooling!r} is not one of {', '.join(POOLINGS)}")
        self.pooling, self.dimensions, self.normalize = pooling, dimensions, normalize

    def call(self, sequence_output: Any, padding_mask: Any) -> Any:
        pooled = self._pooled(sequence_output, padding_mask)
        if self.dimensions:
            pooled = pooled[:, : self.dimensions]
        return unit_length(pooled) if self.normalize else pooled

    def _pooled(self, sequence_output, padding_mask):
        if self.pooling == "cls":
            return sequence_output[:, 0]
        is_token = ops.expand_dims(ops.cast(padding_mask, sequence_output.dtype), -1)  # [B, S, 1]
        if self.pooling == "max":
            return ops.max(ops.where(is_token > 0, sequence_output, MASKED), axis=1)
        return ops.sum(sequence_output * is_token, axis=1) / ops.maximum(ops.sum(is_token, axis=1), MIN_TOKENS)

    def compute_output_shape(self, sequence_output_shape: Any, padding_mask_shape: Any = None) -> tuple:
        return (sequence_output_shape[0], self.dimensions or sequence_output_shape[-1])

    def get_config(self) -> dict[str, Any]:
        config = {"pooling": self.pooling, "dimensions": self.dimensions, "normalize": self.normalize}
        return {**super().get_config(), **config}


def unit_length(vectors: Any) -> Any:
    """Vectors [..., D] scaled to length 1; zero vectors stay as they are."""
    return vectors * ops.rsqrt(ops.maximum(ops.sum(ops.square(vectors), axis=-1, keepdims=True), MIN_SQUARE))


def first_token_pooler(config: EncoderConfig, **kwargs: Any) -> keras.layers.Dense:
    """The dense layer "pooler": the first token's vector to the text vector (Hugging Face BertPooler)."""
    return keras.layers.Dense(
        config.hidden_size,
        activation=activation(config.pooler_act),
        kernel_initializer=TruncatedNormal(stddev=config.initializer_range, always_drawn=True),
        name="pooler",
        **kwargs,
    )
