"""Reads a TFRecord file without TensorFlow. Source of the format: tensorflow/core/lib/io/record_writer.h."""

from __future__ import annotations

import functools
import os
import pathlib
import struct
from collections.abc import Iterator

from tfbert.errors import DataError

_LENGTH, _HASH = struct.Struct("<Q"), struct.Struct("<I")
_POLYNOMIAL = 0x82F63B78  # CRC-32C's, its bits reversed


def records(path: str | os.PathLike) -> Iterator[bytes]:
    """The records of a file, which is small: all of it is in memory.

    Raises:
        DataError: a record is cut, or its hash is wrong.

    >>> with tf.io.TFRecordWriter("two.tfrecord") as writer:
    ...     writer.write(b"one"), writer.write(b"two")
    (None, None)
    >>> list(records("two.tfrecord"))
    [b'one', b'two']
    """
    data, place, number = pathlib.Path(path).read_bytes(), 0, 0

    def part(size: int) -> bytes:
        nonlocal place
        found = data[place : place + size]
        place += size + _HASH.size
        if len(data) < place or _masked(_crc(found)) != _HASH.unpack_from(data, place - _HASH.size)[0]:
            raise DataError(f"{path}: not in TFRecord format or truncated: record {number}")
        return found

    while place < len(data):
        number += 1
        yield part(*_LENGTH.unpack(part(_LENGTH.size)))


def _crc(data: bytes) -> int:
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@functools.cache
def _table() -> list[int]:
    def entry(byte: int) -> int:
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        return byte

    return [entry(byte) for byte in range(256)]


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
