"""The head of a summarization, for Keras and ONNX. W windows, S sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
from keras import ops

from tfbert.tasks.dense_head import dense_layer, head_dropout, write_dense

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.tasks.task import Task


def head(task: Task, encoder: Encoder) -> keras.Model:
    """A logit of each token, [W, S]; the mean over a sentence's tokens is the sentence's."""
    inputs = task.keras_inputs(encoder)
    vectors = encoder(inputs)["sequence_output"]
    logits = dense_layer(encoder, 1)(head_dropout(encoder)(vectors))
    return keras.Model(inputs, ops.squeeze(logits, -1), name=task.name)


def write_onnx(graph: GraphWriter, network: keras.Model, sequence_output: str) -> None:
    """Adds the node "logits" [W, S]."""
    graph.op("Squeeze", write_dense(graph, network, sequence_output), axes=[2], name="logits")
