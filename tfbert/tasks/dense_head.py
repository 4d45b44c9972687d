"""The dense layer of the heads, for Keras and ONNX. W rows, H hidden, C outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.initializers import TruncatedNormal

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


def head_dropout(encoder: Encoder, name: str = "classifier_dropout") -> keras.layers.Layer:
    """The dropout before a head, by the encoder's rate."""
    return Dropout(encoder.head_dropout, name=name)


def dense_layer(encoder: Encoder, units: int, name: str = "classifier") -> keras.layers.Dense:
    """A layer of vectors [..., H] to logits float32 [..., C], drawn as the encoder's own weights were.

    >>> dense_layer(encoder, 3)(keras.ops.ones((2, encoder.hidden_size))).shape
    TensorShape([2, 3])
    """
    return keras.layers.Dense(
        units,
        kernel_initializer=TruncatedNormal(stddev=encoder.initializer_range, always_drawn=True),
        dtype="float32",  # losses and probabilities of half-precision logits lose digits
        name=name,
    )


def write_dense(graph: GraphWriter, network: keras.Model, x: str, layer: str = "classifier") -> str:
    """Adds the network's dense layer of this name, of node `x` [..., H], to an ONNX graph; returns the node's name."""
    return graph.dense(network.get_layer(layer), x, layer)
