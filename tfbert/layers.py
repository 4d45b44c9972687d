"""Keras layers to build models of."""

from tfbert.encoders.layers import (
    BertEmbeddings,
    Dropout,
    EncoderBlock,
    FeedForward,
    MaskedLanguageModelHead,
    SelfAttention,
    activation,
)
from tfbert.text.layer import Tokenize

__all__ = [
    "BertEmbeddings",
    "Dropout",
    "EncoderBlock",
    "FeedForward",
    "MaskedLanguageModelHead",
    "SelfAttention",
    "Tokenize",
    "activation",
]

# Old modules such as tfbert.layers.attention are looked for below it (tfbert.old_names): it counts as a package.
__path__: list[str] = []
