"""Columns of examples as tensors. B rows; a column of lists is a RaggedTensor [B, (n)]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def tensor(values: Any) -> tf.Tensor | tf.RaggedTensor:
    """A column as a tensor: strings or numbers [B], or a RaggedTensor [B, (n)] if its rows are lists or arrays.

    The rows of a column are all strings, all numbers, all lists of strings or all arrays of numbers. A string is a
    `str` or `bytes`; a lone surrogate, which UTF-8 cannot hold, becomes `?`.

    >>> tensor([["a", "film"], []]).to_list()
    [[b'a', b'film'], []]
    """
    if isinstance(values, np.ndarray) and values.dtype.kind not in "OU":
        return tf.constant(values)
    values = list(values)
    if values and isinstance(values[0], (list, np.ndarray)):
        lists = isinstance(values[0], list)
        flat = _strings([part for row in values for part in row]) if lists else np.concatenate(values)
        return tf.RaggedTensor.from_row_lengths(flat, np.array([len(row) for row in values], np.int64))
    if not values or isinstance(values[0], (str, bytes)):
        return _strings(values)
    return tf.constant(values)


def specs(columns: Mapping[str, Sequence]) -> dict[str, Any]:
    """{name: the TensorSpec or RaggedTensorSpec of `tensor` of any number of its rows}; each column has a row.

    >>> specs({"text": ["a film"]})
    {'text': TensorSpec(shape=(None,), dtype=tf.string, name=None)}
    """
    return {name: _spec(tensor(values[:1])) for name, values in columns.items()}


def _spec(value: tf.Tensor | tf.RaggedTensor) -> Any:
    if isinstance(value, tf.RaggedTensor):
        return tf.RaggedTensorSpec([None, None, *value.shape[2:]], value.dtype, 1, value.row_splits.dtype)
    return tf.TensorSpec([None, *value.shape[1:]], value.dtype)


def _strings(values: Sequence[str | bytes]) -> tf.Tensor:
    encoded = [value.encode("utf-8", "replace") if isinstance(value, str) else value for value in values]
    return tf.constant(encoded, tf.string, shape=[len(encoded)])


def collected(batches: Sequence[Mapping[str, Any]], order: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of several batches, dicts of [B, ...], in one; `order` puts the rows in their original order.

    If dimensions after B differ between batches, the smaller are padded: strings with b"", integers with -1, floats
    with 0.

    >>> collected([{"ids": [[1, 2]]}, {"ids": [[3]]}], order=np.array([1, 0]))["ids"].tolist()
    [[3, -1], [1, 2]]
    """
    joined = {}
    for name in batches[0]:
        parts = [np.asarray(batch[name]) for batch in batches]
        shape = np.max([part.shape[1:] for part in parts], axis=0).astype(int) if parts[0].ndim > 1 else ()
        fill = {"O": b"", "S": b"", "i": -1}.get(parts[0].dtype.kind, 0)
        padded = [
            np.pad(part, [(0, 0), *((0, most - n) for most, n in zip(shape, part.shape[1:], strict=True))],
                   constant_values=fill)
            if part.shape[1:] != tuple(shape) else part
            for part in parts
        ]  # fmt: skip
        joined[name] = np.concatenate(padded)[order]
    return joined
