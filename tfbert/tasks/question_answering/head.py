"""The head of question answering, for Keras and ONNX. W windows, S sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
from keras import ops

from tfbert.encoders.layers.masking import MASKED
from tfbert.tasks.dense_head import dense_layer, write_dense

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.tasks.task import Task

LAYER = "qa_outputs"


def head(task: Task, encoder: Encoder) -> keras.Model:
    """Logits [W, S, 2] of an answer's first and last token; MASKED at padding. Without dropout, as Devlin et al."""
    inputs = task.keras_inputs(encoder)
    logits = dense_layer(encoder, 2, LAYER)(encoder.token_vectors(encoder(inputs)["sequence_output"]))
    is_token = ops.expand_dims(inputs["padding_mask"], -1) > 0
    return keras.Model(inputs, ops.where(is_token, logits, MASKED), name=task.name)


def write_onnx(graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
    """Adds the node "logits" [W, S, 2]."""
    logits = write_dense(graph, network, encoder.write_onnx_token_vectors(graph, sequence_output), LAYER)
    is_token = graph.cast(graph.op("Unsqueeze", "padding_mask", axes=[2]), "bool")
    graph.op("Where", is_token, logits, graph.number(MASKED), name="logits")
