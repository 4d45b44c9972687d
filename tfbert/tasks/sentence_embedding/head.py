"""The head of sentence embeddings, for Keras and ONNX. W texts, S sequence, H hidden, D dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

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
        task.pooling, **({"normalize": False} if task.dense_units else kept), dtype="float32", name="pooling"
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
    is_token = graph.op("Unsqueeze", "padding_mask", axes=[2])
    if task.pooling == "cls":
        vector = graph.first_token(sequence_output)
    elif task.pooling == "max":
        kept = graph.op("Where", graph.cast(is_token, "bool"), sequence_output, graph.number(MASKED))
        vector = graph.op("ReduceMax", kept, axes=[1], keepdims=0)
    else:
        is_token = graph.cast(is_token, "float32")
        total = graph.op("ReduceSum", graph.op("Mul", sequence_output, is_token), axes=[1], keepdims=0)
        count = graph.op("ReduceSum", is_token, axes=[1], keepdims=0)
        vector = graph.op("Div", total, graph.op("Max", count, graph.number(MIN_TOKENS)))
    if task.dense_units:
        vector = graph.activation(task.dense_activation, write_dense(graph, network, vector, "dense"))
    if task.dimensions:
        vector = graph.op("Slice", vector, graph.integers(0), graph.integers(task.dimensions), graph.integers(1))
    if task.normalize:
        square = graph.op("ReduceSum", graph.op("Mul", vector, vector), axes=[-1], keepdims=1)
        vector = graph.op("Div", vector, graph.op("Sqrt", graph.op("Max", square, graph.number(MIN_SQUARE))))
    graph.op("Identity", vector, name="embedding")
