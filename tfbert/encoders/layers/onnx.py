"""The layers as nodes of an ONNX graph, in the form that ONNX Runtime fuses.

B batch, S sequence, H hidden, N heads, D head size.

The form is the one that its AttentionFusion, SkipLayerNormFusion and BiasGeluFusion look for
(onnxruntime/core/optimizer). A `graph` is a `tfbert.export.onnx.graph.GraphWriter`; tensors are given by name.
"""

from __future__ import annotations

import math
from typing import Any

from tfbert.encoders.layers.masking import MASKED


def write_embeddings(graph: Any, embeddings: Any) -> str:
    """Adds `BertEmbeddings` over the inputs token_ids and, with segments, segment_ids; returns [B, S, H]."""
    parts = ("token", "position", "segment") if embeddings.segment is not None else ("token", "position")
    tables = {part: graph.weight(f"embeddings.{part}", getattr(embeddings, part).embeddings.numpy()) for part in parts}
    length = graph.op("Slice", graph.op("Shape", "token_ids"), graph.integers(1), graph.integers(2))
    positions = graph.op("Slice", tables["position"], graph.integers(0), length, graph.integers(0))
    x = graph.op("Add", graph.op("Gather", tables["token"], "token_ids"), positions)
    if "segment" in tables:
        x = graph.op("Add", x, graph.op("Gather", tables["segment"], "segment_ids"))
    # Shape inference does not know the length of a slice, and ONNX Runtime does not fuse nodes of unknown shape.
    x = graph.has_shape(x, ["batch", "sequence", embeddings.hidden_size])
    return graph.layer_norm(embeddings.layer_norm, x, "embeddings.layer_norm")


def write_blocks(graph: Any, config: Any, blocks: Any, x: str) -> str:
    """Adds `EncoderBlock`s over [B, S, H] and the input padding_mask; returns `sequence_output` [B, S, H]."""
    mask = graph.op("Unsqueeze", graph.op("Unsqueeze", "padding_mask", axes=[1]), axes=[2])
    mask = graph.cast(mask, "float32")
    mask = graph.op("Mul", graph.op("Sub", graph.number(1.0), mask), graph.number(MASKED))  # [B, 1, 1, S]
    for i, block in enumerate(blocks):
        attended = _attention(graph, config, block.attention, x, mask, f"block_{i}.attention")
        x = graph.layer_norm(block.attention_norm, graph.op("Add", attended, x), f"block_{i}.attention_norm")
        forward = graph.dense(block.feed_forward.intermediate, x, f"block_{i}.intermediate")
        forward = graph.activation(config.hidden_act, forward)
        forward = graph.dense(block.feed_forward.output_dense, forward, f"block_{i}.output")
        last = "sequence_output" if i == len(blocks) - 1 else f"block_{i}.output_norm"
        x = graph.layer_norm(block.output_norm, graph.op("Add", forward, x), last)
    return x


def write_pooler(graph: Any, config: Any, pooler: Any, sequence_output: str) -> str:
    """Adds `first_token_pooler`; returns `pooled_output` [B, H]."""
    first = graph.first_token(sequence_output)
    pooled = graph.activation(config.pooler_act, graph.dense(pooler, first, "pooler"))
    return graph.op("Identity", pooled, name="pooled_output")


def _attention(graph, config, layer, x, mask, name):
    heads = graph.integers(0, 0, config.num_attention_heads, config.head_size)

    def split(part, order):  # [B, S, H] -> [B, N, S, D], or as the transposed key [B, N, D, S]
        dense = graph.dense(getattr(layer, part), x, f"{name}.{part}")
        return graph.op("Transpose", graph.op("Reshape", dense, heads), perm=order)

    query, key, value = split("query", (0, 2, 1, 3)), split("key", (0, 2, 3, 1)), split("value", (0, 2, 1, 3))
    scores = graph.op("MatMul", query, key)
    scores = graph.op("Div", scores, graph.number(math.sqrt(config.head_size)))
    probs = graph.op("Softmax", graph.op("Add", scores, mask), axis=3)
    context = graph.op("Transpose", graph.op("MatMul", probs, value), perm=(0, 2, 1, 3))
    context = graph.op("Reshape", context, graph.integers(0, 0, config.hidden_size))
    return graph.dense(layer.output_dense, context, f"{name}.output")
