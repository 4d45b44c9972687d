"""The head of a token classification, for Keras and ONNX. W windows, S sequence, C tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from tfbert.tasks.dense_head import dense_layer, head_dropout, write_dense
from tfbert.tasks.token_classification.transitions import TagTransitions

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.tasks.task import Task


def head(task: Task, encoder: Encoder, tags: int, *, transitions: bool) -> keras.Model:
    """Logits [W, S, C] of the tokens; and, if they are trained, the transitions [C, C]."""
    inputs = task.keras_inputs(encoder)
    vectors = head_dropout(encoder)(encoder.token_vectors(encoder(inputs)["sequence_output"]))
    logits = dense_layer(encoder, tags)(vectors)
    outputs = logits
    if transitions:
        outputs = {"logits": logits, "transitions": TagTransitions(dtype="float32", name="tag_transitions")(logits)}
    return keras.Model(inputs, outputs, name=task.name)


def write_onnx(
    graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str, *, transitions: bool
) -> None:
    """Adds the node "logits" [W, S, C], and "transitions" [C, C]."""
    vectors = encoder.write_onnx_token_vectors(graph, sequence_output)
    graph.op("Identity", write_dense(graph, network, vectors), name="logits")
    if transitions:
        scores = network.get_layer("tag_transitions").scores()
        graph.op("Identity", graph.weight("tag_transitions", scores), name="transitions")
