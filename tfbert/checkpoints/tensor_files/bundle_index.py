"""The index of TensorFlow's checkpoint files: a sorted table, of whose blocks each is checked as it is read.

TensorFlow's own reader, which opens the file afterwards, must find nothing else in it than what is checked here: keys
are in order and each is there once, and the places from which it searches are the beginnings of entries.
Source: tensorflow/core/lib/io/format.h, block.cc (LevelDB's table).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_FOOTER, _TRAILER = 48, 5  # bytes: two handles and the magic number; a block's kind and checksum
_MAGIC = 0xDB4775248B80FB57
_MOST_BYTES = 8 << 20  # of an index; one of a thousand layers, with their moments in training, has one
_KEYS = 20  # a key may be written as what it adds to the one before; all are at most so many times the index


def entries_of(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of each entry of a table. Raises ValueError, IndexError, struct.error: it is damaged."""
    if len(data) < _FOOTER or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise ValueError("no table of TensorFlow")
    if len(data) > _MOST_BYTES:
        raise ValueError(f"over {_MOST_BYTES:,} bytes, which no network's index has")
    footer = data[-_FOOTER:]
    metaindex, place = _handle(footer, 0)
    index, place = _handle(footer, place)
    if any(footer[place:-8]):
        raise ValueError("a damaged footer")
    for _ in _block(data, metaindex):
        raise ValueError("a table with other data")
    last, blocks, keys = None, 0, 0
    for _, value in _block(data, index):
        handle, _ = _handle(value, 0)
        blocks += handle[1]
        if blocks > len(data):
            raise ValueError("a block that is listed many times")
        for key, entry in _block(data, handle):
            keys += len(key)
            if last is not None and key <= last:
                raise ValueError("keys that are not in order")
            if keys > _KEYS * len(data):
                raise ValueError("keys of more bytes than the index may hold")
            last = key
            yield key, entry


def _block(data: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    begin, size = handle
    block = data[begin : begin + size]
    if len(block) != size or begin + size + _TRAILER > len(data) - _FOOTER or size < 4:
        raise ValueError("a block that does not lie in the file")
    if data[begin + size] != 0:
        raise ValueError("a compressed block")
    (checksum,) = struct.unpack("<I", data[begin + size + 1 : begin + size + _TRAILER])
    if masked_crc32c(data[begin : begin + size + 1]) != checksum:
        raise ValueError("a block with another checksum")
    (restarts,) = struct.unpack("<I", block[-4:])
    end = size - 4 - 4 * restarts
    if not restarts or end < 0:
        raise ValueError("a block without a beginning")
    starts = set(struct.unpack(f"<{restarts}I", block[end : size - 4]))
    found, place, key = {0}, 0, b""
    while place < end:
        start = place
        shared, place = varint(block, place)
        unshared, place = varint(block, place)
        length, place = varint(block, place)
        if shared > len(key) or place + unshared + length > end:
            raise ValueError("an entry that does not lie in its block")
        if not shared:
            found.add(start)
        key = key[:shared] + block[place : place + unshared]
        place += unshared
        yield key, block[place : place + length]
        place += length
    if not starts <= found:
        raise ValueError("a search that begins inside of an entry")


def _handle(data: bytes, place: int) -> tuple[tuple[int, int], int]:
    begin, place = varint(data, place)
    size, place = varint(data, place)
    return (begin, size), place


def varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of variable length and the place after it.

    >>> varint(bytes([0x96, 0x01]), 0)
    (150, 2)
    """
    value = 0
    for shift in range(0, 64, 7):
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number without end")


def _crc32c_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # Castagnoli's polynomial, reflected
        table.append(byte)
    return table


_CRC32C = _crc32c_table()


def masked_crc32c(data: bytes) -> int:
    """The checksum as tensorflow/core/lib/hash/crc32c.h stores it.

    >>> hex(masked_crc32c(b"123456789"))
    '0xc78ab0e5'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
