"""Rows of a batch -> calls of a network with little padding, and their outputs -> the batch's. W rows, S sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

Arrays = dict[str, np.ndarray]


class Network(Protocol):
    """Of arrays by name to arrays by name.

    Attributes:
        reads: the names that it takes; it passes over others.
    """

    reads: tuple[str, ...]

    def __call__(self, values: Mapping[str, np.ndarray]) -> Arrays:
        """Its outputs."""


# Rows of several lengths run together while they pad no more tokens than this: a call of MiniLM-L6 in int8 costs by
# itself about as much as so many tokens do.
_PADDING = 16
# Tokens of a call, if it has more than one row. More would not be faster, and an interpreter keeps the memory of its
# largest call.
_TOKENS = 1024


def run_unpadded(network: Network, features: Mapping[str, np.ndarray], axes: Mapping[str, str]) -> Arrays:
    """The outputs {name: float32} of features {name: int32 [W, …]}, of which `padding_mask` is [W, S].

    Args:
        axes: of each output, such as "W S C"; one without W is the same for any rows.

    >>> def network(features):
    ...     return {"logits": features["token_ids"].sum(1, keepdims=True).astype("f4")}
    >>> network.reads = ("token_ids",)
    >>> ids, mask = np.array([[1, 2, 0], [3, 4, 5]]), np.array([[1, 1, 0], [1, 1, 1]])
    >>> run_unpadded(network, {"token_ids": ids, "padding_mask": mask}, {"logits": "W C"})["logits"].tolist()
    [[3.0], [12.0]]
    """
    mask = features["padding_mask"]
    lengths = _lengths(mask)
    whole: Arrays = {}
    for rows in groups(lengths):
        length = lengths[rows[0]]
        found = network({name: _cut(features[name], rows, length, mask.shape) for name in network.reads})
        for name, value in found.items():
            of_tokens, shape = axes[name].split()[:2] == ["W", "S"], value.shape
            if not axes[name].startswith("W"):
                whole[name] = value
                continue
            if name not in whole:
                sizes = (len(mask), *(mask.shape[1:2] if of_tokens else shape[1:2]), *shape[2:])
                whole[name] = np.zeros(sizes, value.dtype)
            if of_tokens:
                whole[name][rows, : shape[1]] = value
            else:
                whole[name][rows] = value
    return whole


def groups(lengths: np.ndarray) -> list[np.ndarray]:
    """The rows of each call, the longest first.

    >>> [rows.tolist() for rows in groups(np.array([3, 40, 4]))]
    [[1], [2, 0]]
    """
    order = np.argsort(-lengths, kind="stable")
    found, begin, padding = [], 0, 0
    for place in range(1, len(order)):
        longest = lengths[order[begin]]
        padding += longest - lengths[order[place]]
        if padding > _PADDING or (place - begin + 1) * longest > _TOKENS:
            found.append(order[begin:place])
            begin, padding = place, 0
    return [*found, order[begin:]]


def _lengths(mask: np.ndarray) -> np.ndarray:
    """Up to the last token of each row, at least 1."""
    behind = np.argmax(mask[:, ::-1] > 0, axis=1)
    return np.where(mask.any(axis=1), mask.shape[1] - behind, 1)


def _cut(value: np.ndarray, rows: np.ndarray, length: int, shape: tuple[int, ...]) -> np.ndarray:
    chosen = value[rows]
    return np.ascontiguousarray(chosen[:, :length] if value.shape[:2] == shape else chosen)
