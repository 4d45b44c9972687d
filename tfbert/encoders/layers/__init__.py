"""Keras layers that encoders are made of. They compute with `keras.ops`, and with TensorFlow where that is faster."""

from tfbert.encoders.layers.activations import activation
from tfbert.encoders.layers.attention import SelfAttention
from tfbert.encoders.layers.blocks import EncoderBlock
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.embeddings import BertEmbeddings
from tfbert.encoders.layers.feed_forward import FeedForward
from tfbert.encoders.layers.heads import MaskedLanguageModelHead

__all__ = [
    "BertEmbeddings",
    "Dropout",
    "EncoderBlock",
    "FeedForward",
    "MaskedLanguageModelHead",
    "SelfAttention",
    "activation",
]
