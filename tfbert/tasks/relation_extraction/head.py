"""The head of relation extraction, for Keras and ONNX. B batch, S sequence, H hidden, L labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
from keras import ops

from tfbert.tasks.dense_head import dense_layer, head_dropout, write_dense

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.tasks.task import Task

STARTS = ("head_start", "tail_start")  # inputs int32 [B]: where the markers of the two entities stand


def head(task: Task, encoder: Encoder, labels: int) -> keras.Model:
    """Logits [B, L] of the vectors at the two entities' markers."""
    inputs = task.keras_inputs(encoder)
    vectors = encoder({name: inputs[name] for name in encoder.input_names})["sequence_output"]  # [B, S, H]
    places = ops.stack([inputs[name] for name in STARTS], axis=1)  # [B, 2]
    pair = ops.take_along_axis(vectors, ops.expand_dims(places, 2), axis=1)  # [B, 2, H]
    pair = ops.reshape(pair, (-1, 2 * encoder.hidden_size))
    return keras.Model(inputs, dense_layer(encoder, labels)(head_dropout(encoder)(pair)), name=task.name)


def write_onnx(graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
    """Adds the node "logits" [B, L]."""
    starts = [graph.op("Unsqueeze", place, axes=[1]) for place in STARTS]
    places = graph.op("Unsqueeze", graph.op("Concat", *starts, axis=1), axes=[2])  # [B, 2, 1]
    pair = graph.op("GatherND", sequence_output, graph.cast(places, "int64"), batch_dims=1)  # [B, 2, H]
    pair = graph.op("Reshape", pair, graph.integers(0, 2 * encoder.hidden_size))
    graph.op("Identity", write_dense(graph, network, pair), name="logits")
