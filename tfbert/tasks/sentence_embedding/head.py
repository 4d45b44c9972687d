"""The head of sentence embeddings, for Keras and ONNX. W texts, S sequence, H hidden, D dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from tfbert.encoders.layers.activations import activation
from tfbert.encoders.layers.masking import MASKED
from tfbert.encoders.layers.pooling import MIN_SQUARE, MIN_TOKENS, SentencePooling, unit_length
from tfbert.errors import ConfigError
from tfbert.tasks.dense_head import write_dense

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.tasks.sentence_embedding.task import SentenceEmbedding


def head(task: SentenceEmbedding, encoder: Encoder) -> keras.Model:
    """The vector [W, D] of each text: its tokens' pooled, then a dense layer, the first dimensions, length 1."""
    width = task.dense_units or encoder.hidden_size
    if task.dimensions > width:
        raise ConfigError(f"dimensions {task.dimensions} are more than the {width} that there are")
    inputs = task.keras_inputs(encoder)
    # In float32: the sum over many tokens and the length of a vector lose digits in half precision.
    kept = {"dimensions": task.dimensions, "normalize": task.normalize}
    pooling = SentencePooling(
        task.pooling,
        skipped=task.skipped_tokens,
        **({"normalize": False} if task.dense_units else kept),
        dtype="float32",
        name="pooling",
    )
    embedding = pooling(encoder(inputs)["sequence_output"], inputs["padding_mask"])
    if task.dense_units:
        dense = keras.layers.Dense(
            task.dense_units,
            activation=activation(task.dense_activation),
            use_bias=task.dense_bias,
            dtype="float32",
            name="dense",
        )
        embedding = dense(embedding)[:, : task.dimensions or None]
        embedding = unit_length(embedding) if task.normalize else embedding
    return keras.Model(inputs, embedding, name=task.name)


def write_onnx(task: SentenceEmbedding, graph: GraphWriter, network: keras.Model, sequence_output: str) -> None:
    """Adds the node "embedding" [W, D]; as `SentencePooling`, and the dense layer where there is one."""
    vector = _write_pooled(task, graph, sequence_output)
    if task.dense_units:
        vector = graph.activation(task.dense_activation, write_dense(graph, network, vector, "dense"))
    if task.dimensions:
        vector = graph.op("Slice", vector, graph.integers(0), graph.integers(task.dimensions), graph.integers(1))
    if task.normalize:
        square = graph.op("ReduceSum", graph.op("Mul", vector, vector), axes=[-1], keepdims=1)
        vector = graph.op("Div", vector, graph.op("Sqrt", graph.op("Max", square, graph.number(MIN_SQUARE))))
    graph.op("Identity", vector, name="embedding")


def _write_pooled(task: SentenceEmbedding, graph: GraphWriter, sequence_output: str) -> str:
    skipped = task.skipped_tokens
    if task.pooling == "cls" and not skipped:
        return graph.first_token(sequence_output)
    is_token = graph.cast("padding_mask", "float32")  # [B, S]
    place = kept = is_token
    if task.pooling != "mean" or skipped:
        place = graph.op("CumSum", is_token, graph.weight("axis_of_tokens", np.array(1, np.int64)))
        kept = graph.op(
            "Mul", is_token, graph.cast(graph.op("Greater", place, graph.number(float(skipped))), "float32")
        )
    if task.pooling == "max":
        is_kept = graph.cast(graph.op("Unsqueeze", kept, axes=[2]), "bool")
        masked = graph.op("Where", is_kept, sequence_output, graph.number(MASKED))
        return graph.op("ReduceMax", masked, axes=[1], keepdims=0)
    if task.pooling in ("cls", "lasttoken"):
        length = graph.op("ReduceSum", is_token, axes=[1], keepdims=1)
        is_longer = graph.op("Greater", length, graph.number(float(skipped)))
        first = graph.op("Where", is_longer, graph.number(skipped + 1.0), graph.number(1.0))
        is_first = task.pooling == "cls"
        is_wanted = graph.cast(graph.op("Equal", place, first if is_first else length), "float32")
        weights = graph.op("Mul", is_token if is_first else kept, is_wanted)
    else:
        weights = graph.op("Mul", kept, place) if task.pooling == "weightedmean" else kept
    weighed = graph.op("Mul", sequence_output, graph.op("Unsqueeze", weights, axes=[2]))
    total = graph.op("ReduceSum", weighed, axes=[1], keepdims=0)
    if task.pooling in ("cls", "lasttoken"):
        return total
    count = graph.op("Max", graph.op("ReduceSum", weights, axes=[1], keepdims=1), graph.number(MIN_TOKENS))
    return graph.op("Div", total, graph.op("Sqrt", count) if task.pooling == "mean_sqrt_len_tokens" else count)
