"""Rotary positions and pre-norm blocks as nodes of an ONNX graph; see `tfbert.encoders.layers.onnx`.

B batch, S sequence, H hidden, N heads, D head size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfbert.encoders.layers import onnx
from tfbert.encoders.layers.masking import MASKED
from tfbert.encoders.layers.rotary import frequencies


class RotaryNodes:
    """What layers with rotary positions read, of positions 0, 1, 2, …; each node is written when it is first needed."""

    def __init__(self, graph: Any, head_size: int) -> None:
        self._graph, self._head_size = graph, head_size
        self._turns: dict[float, tuple[str, str]] = {}
        self._biases: dict[tuple[str, int], str] = {}
        zero, one = (graph.weight(f"place_{place}", np.array(place, np.int64)) for place in (0, 1))
        length = graph.op("Gather", graph.op("Shape", "token_ids"), one)
        self._places = graph.op("Range", zero, length, one)

    def turned(self, heads: str, theta: float) -> str:
        """The node of queries or keys [B, S, N, D] that are turned."""
        graph, half = self._graph, self._head_size // 2
        if theta not in self._turns:
            places = graph.op("Unsqueeze", graph.cast(self._places, "float32"), axes=[1, 2])
            table = np.tile(frequencies(self._head_size, theta), 2)[None, None]
            angles = graph.op("Mul", places, graph.weight(f"frequencies_{theta!r}", table))  # [S, 1, D]
            self._turns[theta] = graph.op("Cos", angles), graph.op("Sin", angles)
        cos, sin = self._turns[theta]
        first, second = (
            graph.op("Slice", heads, graph.integers(begin), graph.integers(begin + half), graph.integers(3))
            for begin in (0, half)
        )
        across = graph.op("Concat", graph.op("Neg", second), first, axis=3)
        return graph.op("Add", graph.op("Mul", heads, cos), graph.op("Mul", across, sin))

    def near(self, bias: str, reach: int | None) -> str:
        """The node of a bias [B, 1, 1, S] and MASKED for those more than `reach` places away: [B, 1, S, S]."""
        graph = self._graph
        if reach is None:
            return bias
        if (bias, reach) not in self._biases:
            rows, columns = (graph.op("Unsqueeze", self._places, axes=[axis]) for axis in (1, 0))
            distance = graph.op("Abs", graph.op("Sub", rows, columns))
            far = graph.op("Greater", distance, graph.weight(f"reach_{reach}", np.array(reach, np.int64)))
            far = graph.op("Mul", graph.cast(far, "float32"), graph.number(MASKED))
            self._biases[bias, reach] = graph.op("Add", bias, far)
        return self._biases[bias, reach]


def write_pre_norm_block(graph: Any, config: Any, block: Any, x: str, bias: str, rotary: RotaryNodes) -> str:
    """Adds a `PreNormBlock` over [B, S, H]; returns the name of its output.

    Args:
        bias: the name of [B, 1, 1, S], as `onnx.write_mask` gives it.
    """
    name, attention = block.name, block.attention
    normed = x
    if block.attention_norm is not None:
        normed = graph.layer_norm(block.attention_norm, x, f"{name}.attention_norm")
    seen = rotary.near(bias, attention.reach)
    attended = onnx.write_attention(graph, config, attention, normed, seen, f"{name}.attention", rotary)
    x = graph.op("Add", x, attended)
    normed = graph.layer_norm(block.feed_forward_norm, x, f"{name}.feed_forward_norm")
    return graph.op("Add", x, onnx.write_feed_forward(graph, config, block.feed_forward, normed, name))
