"""The head of multiple choice, for Keras and ONNX. W pairs of a prompt and a choice, S sequence, H hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from tfbert.encoders.layers.masking import MASKED
from tfbert.tasks.dense_head import dense_layer, head_dropout, write_dense

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.tasks.task import Task


def head(task: Task, encoder: Encoder) -> keras.Model:
    """A logit of each pair's text vector, [W, 1]; MASKED for a row without a token, which is no choice."""
    inputs = task.keras_inputs(encoder)
    vector = head_dropout(encoder)(encoder(inputs)["pooled_output"])
    logits = dense_layer(encoder, 1)(vector)
    given = keras.ops.any(inputs["padding_mask"], axis=1, keepdims=True)
    return keras.Model(inputs, keras.ops.where(given, logits, MASKED), name=task.name)


def write_onnx(graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
    """Adds the node "logits" [W, 1]."""
    logits = write_dense(graph, network, encoder.write_onnx_text_vector(graph, sequence_output))
    given = graph.cast(graph.op("ReduceMax", "padding_mask", axes=[1], keepdims=1), "bool")
    graph.op("Where", given, logits, graph.number(MASKED), name="logits")
