"""Keras layers of the encoder. They use `keras.ops` alone, but for `Dropout`."""

from tfbert.layers.activations import activation
from tfbert.layers.attention import SelfAttention
from tfbert.layers.dropout import Dropout
from tfbert.layers.embeddings import BertEmbeddings
from tfbert.layers.encoder_block import EncoderBlock
from tfbert.layers.feed_forward import FeedForward
from tfbert.layers.pretraining_heads import MaskedLanguageModelHead

__all__ = [
    "BertEmbeddings",
    "Dropout",
    "EncoderBlock",
    "FeedForward",
    "MaskedLanguageModelHead",
    "SelfAttention",
    "activation",
]
