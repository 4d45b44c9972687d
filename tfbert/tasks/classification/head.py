"""The head of a classification, for Keras and ONNX. W rows, S sequence, H hidden, L labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from tfbert.tasks.dense_head import dense_layer, head_dropout, write_dense

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.tasks.task import Task


def head(task: Task, encoder: Encoder, units: int) -> keras.Model:
    """Logits [W, units] of the text vector."""
    inputs = task.keras_inputs(encoder)
    vector = head_dropout(encoder)(encoder(inputs)["pooled_output"])
    return keras.Model(inputs, dense_layer(encoder, units)(vector), name=task.name)


def write_onnx(graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
    """Adds the node "logits" [W, L]."""
    vector = encoder.write_onnx_text_vector(graph, sequence_output)
    graph.op("Identity", write_dense(graph, network, vector), name="logits")
