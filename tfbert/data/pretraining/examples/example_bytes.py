"""Rows of integers -> serialized tf.train.Example, whole arrays at a time: several times as fast as protobuf's classes.

Shapes: V values of all rows together, W rows.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np


def serialized_examples(features: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Iterator[bytes]:
    """Yields a serialized tf.train.Example of int64 features for each of W rows.

    Args:
        features: {name: (values [V], splits [W + 1])}; no value is negative, splits are where the values of each row
            begin, and their end.

    >>> rows = serialized_examples({"ids": (np.array([5, 300, 7]), np.array([0, 2, 3]))})
    >>> list(tf.train.Example.FromString(next(rows)).features.feature["ids"].int64_list.value)
    [5, 300]
    """
    for entries in zip(*(_entries(name, *column) for name, column in sorted(features.items())), strict=True):
        yield _with_head(1, b"".join(entries))  # an Example is Features as field 1


def _entries(name: str, values: np.ndarray, splits: np.ndarray) -> Iterator[bytes]:
    """One feature of each row, as an entry of Features' field 1."""
    varints, begins = _varints(values)
    data = varints.tobytes()
    for begin, end in itertools.pairwise(begins[splits].tolist()):
        yield _before_values(name, end - begin) + data[begin:end]


@functools.cache
def _before_values(name: str, size: int) -> bytes:
    """The bytes of an entry before its `size` bytes of values.

    An entry has the name as field 1 and a Feature as field 2; the Feature has an Int64List as field 3, and that has the
    values as field 1.
    """
    values = bytes(size)
    key = _with_head(1, name.encode())
    entry = _with_head(1, key + _with_head(2, _with_head(3, _with_head(1, values))))
    return entry[: len(entry) - size]


def _with_head(field: int, data: bytes) -> bytes:
    """A field of a message whose type has a length: strings, messages, packed values."""
    return bytes([field << 3 | 2]) + _varint(len(data)) + data


@functools.cache
def _varint(value: int) -> bytes:
    return _varints([value])[0].tobytes()


def _varints(values: np.ndarray | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of all values, 7 bits a byte, the lowest first, and where each value begins [V + 1]."""
    values = np.asarray(values)
    largest = int(values.max(initial=0))
    sizes = np.ones(len(values), np.int64)
    for bits in range(7, largest.bit_length(), 7):
        sizes += values >> bits > 0
    begins = np.concatenate([[0], np.cumsum(sizes)])
    if largest < 0x80:
        return values.astype(np.uint8), begins
    data = np.empty(begins[-1], np.uint8)
    for place in range(sizes.max()):
        has = sizes > place
        more = (sizes[has] > place + 1) * 0x80
        data[begins[:-1][has] + place] = values[has] >> 7 * place & 0x7F | more
    return data, begins
