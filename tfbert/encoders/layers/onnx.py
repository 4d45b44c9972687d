"""The layers as nodes of an ONNX graph, in the form that ONNX Runtime fuses.

B batch, S sequence, H hidden, N heads, D head size.

The form is the one that its AttentionFusion, SkipLayerNormFusion and BiasGeluFusion look for
(onnxruntime/core/optimizer). A `graph` is a `tfbert.export.onnx.graph.GraphWriter`; tensors are given by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.encoders.layers.masking import MASKED
from tfbert.encoders.layers.pooling import MIN_TOKENS

if TYPE_CHECKING:
    from tfbert.encoders.layers.onnx_rotary import RotaryNodes


def write_embeddings(
    graph: Any, embeddings: Any, *, position_ids: str | None = None, segment_ids: str | None = "segment_ids"
) -> str:
    """Adds `BertEmbeddings` over the inputs token_ids and, with segments, segment_ids; returns [B, S, E].

    Args:
        position_ids: the name of ids [B, S]; 0, 1, 2, … unless given.
        segment_ids: the name of ids [B, S]; None for segment 0 everywhere.
    """
    parts = [part for part in ("token", "position", "segment") if getattr(embeddings, part) is not None]
    tables = {part: graph.weight(f"embeddings.{part}", getattr(embeddings, part).embeddings.numpy()) for part in parts}
    x = graph.op("Gather", tables["token"], "token_ids")
    if "position" in tables:
        if position_ids is None:
            length = graph.op("Slice", graph.op("Shape", "token_ids"), graph.integers(1), graph.integers(2))
            positions = graph.op("Slice", tables["position"], graph.integers(0), length, graph.integers(0))
        else:
            positions = graph.op("Gather", tables["position"], position_ids)
        x = graph.op("Add", x, positions)
    if "segment" in tables:
        segment = graph.integers(0) if segment_ids is None else segment_ids
        x = graph.op("Add", x, graph.op("Gather", tables["segment"], segment))
    # Shape inference does not know the length of a slice, and ONNX Runtime does not fuse nodes of unknown shape.
    x = graph.has_shape(x, ["batch", "sequence", embeddings.hidden_size])
    return graph.layer_norm(embeddings.layer_norm, x, "embeddings.layer_norm")


def write_distances(graph: Any, token_ids: str, shift: int) -> str:
    """Adds how far each key stands from each query, key - query + `shift`; returns int64 [S, S]."""
    number = {value: graph.weight(f"integer_{value}", np.array(value, np.int64)) for value in (0, 1, shift)}
    length = graph.op("Gather", graph.op("Shape", token_ids), number[1], axis=0)
    places = graph.op("Range", number[0], length, number[1])
    keys, queries = (graph.op("Unsqueeze", places, axes=[axis]) for axis in (0, 1))
    return graph.op("Add", graph.op("Sub", keys, queries), number[shift])


def write_mask(graph: Any) -> str:
    """Adds the bias [B, 1, 1, S] of the input padding_mask: MASKED at padding; returns its name."""
    mask = graph.op("Unsqueeze", graph.op("Unsqueeze", "padding_mask", axes=[1]), axes=[2])
    mask = graph.cast(mask, "float32")
    return graph.op("Mul", graph.op("Sub", graph.number(1.0), mask), graph.number(MASKED))


def write_blocks(
    graph: Any, config: Any, blocks: Any, x: str, *, bias: str | None = None, rotary: RotaryNodes | None = None
) -> str:
    """Adds `EncoderBlock`s over [B, S, H] and the input padding_mask; returns `sequence_output` [B, S, H].

    Args:
        bias: the name of [1, N, S, S], which is added to the scores of all blocks.
        rotary: the turns of rotary positions.
    """
    mask = write_mask(graph)
    if bias is not None:
        mask = graph.op("Add", bias, mask)  # [B, N, S, S]
    for i, block in enumerate(blocks):

        def norm(part, x, node, block=block):  # a block that is there several times has its weights once
            return graph.layer_norm(getattr(block, part), x, node, weights=f"{block.name}.{part}")

        attended = write_attention(graph, config, block.attention, x, mask, f"{block.name}.attention", rotary)
        x = norm("attention_norm", graph.op("Add", attended, x), f"attention_norm_{i}")
        forward = write_feed_forward(graph, config, block.feed_forward, x, block.name)
        last = "sequence_output" if i == len(blocks) - 1 else f"output_norm_{i}"
        x = norm("output_norm", graph.op("Add", forward, x), last)
    return x


def write_feed_forward(graph: Any, config: Any, layer: Any, x: str, name: str) -> str:
    """Adds `FeedForward` or `GatedFeedForward` over [B, S, H]; returns the name of its output."""
    inner = graph.activation(config.hidden_act, graph.dense(layer.intermediate, x, f"{name}.intermediate"))
    if (gate := getattr(layer, "gate", None)) is not None:
        inner = graph.op("Mul", inner, graph.dense(gate, x, f"{name}.gate"))
    return graph.dense(layer.output_dense, inner, f"{name}.output")


def write_mean(graph: Any, sequence_output: str) -> str:
    """Adds the mean of each row's vectors but for padding; returns the name of [B, H]."""
    is_token = graph.cast("padding_mask", "float32")
    total = graph.op("Mul", sequence_output, graph.op("Unsqueeze", is_token, axes=[2]))
    count = graph.op("ReduceSum", is_token, axes=[1], keepdims=1)
    least = graph.op("Max", count, graph.number(MIN_TOKENS))
    return graph.op("Div", graph.op("ReduceSum", total, axes=[1], keepdims=0), least)


def write_pooler(graph: Any, config: Any, pooler: Any, sequence_output: str) -> str:
    """Adds `first_token_pooler`; returns `pooled_output` [B, H]."""
    first = graph.first_token(sequence_output)
    pooled = graph.activation(config.pooler_act, graph.dense(pooler, first, "pooler"))
    return graph.op("Identity", pooled, name="pooled_output")


def write_attention(
    graph: Any, config: Any, layer: Any, x: str, mask: str, name: str, rotary: RotaryNodes | None = None
) -> str:
    """Adds `SelfAttention` over [B, S, H]; returns the name of its output.

    Args:
        mask: the name of what is added to the scores, [B, 1, 1, S] or [B, 1, S, S].
        name: of the layer's weights.
        rotary: of attention with rotary positions.
    """
    heads = graph.integers(0, 0, config.num_attention_heads, config.head_size)

    def split(part, order):  # [B, S, H] -> [B, N, S, D], or as the transposed key [B, N, D, S]
        dense = graph.op("Reshape", graph.dense(getattr(layer, part), x, f"{name}.{part}"), heads)
        if rotary is not None and part != "value":
            dense = rotary.turned(dense, layer.theta)
        return graph.op("Transpose", dense, perm=order)

    query, key, value = split("query", (0, 2, 1, 3)), split("key", (0, 2, 3, 1)), split("value", (0, 2, 1, 3))
    scores = layer.write_onnx_scores(graph, query, key, name)
    probs = graph.op("Softmax", graph.op("Add", scores, mask), axis=3)
    context = graph.op("Transpose", graph.op("MatMul", probs, value), perm=(0, 2, 1, 3))
    context = graph.op("Reshape", context, graph.integers(0, 0, config.hidden_size))
    # Lengths that depend on values, as of distances, are unknown to inference, and so are those of all that follows.
    context = graph.has_shape(context, ["batch", "sequence", config.hidden_size])
    return graph.dense(layer.output_dense, context, f"{name}.output")
