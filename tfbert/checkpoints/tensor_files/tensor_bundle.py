"""TensorFlow's checkpoint files: PREFIX.index, PREFIX.data-00000-of-00001.

The index is checked here against the lengths of the files before TensorFlow's own reader opens it, because that reader
allocates what the index says. Source: tensorflow/core/util/tensor_bundle, tensorflow/core/lib/io/format.h (LevelDB's
table).
"""

from __future__ import annotations

import math
import os
import pathlib
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import tensor_bundle_pb2

from tfbert.errors import CheckpointError

_FOOTER, _TRAILER = 48, 5  # bytes: two handles and the magic number; a block's kind and checksum
_MAGIC = 0xDB4775248B80FB57
_CHUNK = 64 << 20  # bytes of the tensors that are written at a time
_FLOATS = (tf.float32, tf.float64, tf.float16, tf.bfloat16)


class TensorBundle:
    """A `TensorFile`.

    Raises:
        CheckpointError: truncated, padded, damaged, or big-endian.

    >>> write_tensor_bundle("bert_model.ckpt", {"bias": (2,)}, lambda name: np.ones(2, "float32"))
    >>> TensorBundle("bert_model.ckpt").read("bias")
    array([1., 1.], dtype=float32)
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        self.prefix = pathlib.Path(prefix)
        description = f"TF1 checkpoint {self.prefix}"
        try:
            entries = dict(_table(self.prefix.with_name(self.prefix.name + ".index").read_bytes()))
            header = tensor_bundle_pb2.BundleHeaderProto.FromString(entries.pop(b""))
            self._entries = {
                name.decode(): tensor_bundle_pb2.BundleEntryProto.FromString(entry) for name, entry in entries.items()
            }
        except (OSError, KeyError, ValueError, IndexError, struct.error, DecodeError) as error:
            raise CheckpointError(f"{self.prefix}.index is damaged or no index: {error!r}") from None
        if header.endianness != tensor_bundle_pb2.BundleHeaderProto.LITTLE:
            raise CheckpointError(f"{self.prefix}.index says that its numbers are big-endian")
        self._check(header.num_shards)
        try:
            self._reader = tf.train.load_checkpoint(str(self.prefix))
            readable = self._reader.get_variable_to_shape_map()
        except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
            raise CheckpointError(f"{description} cannot be opened: {_first_line(error)}") from None
        self.shapes = {name: tuple(shape) for name, shape in readable.items()}

    def read(self, name: str) -> np.ndarray:
        if self._entries[name].dtype not in [kind.as_datatype_enum for kind in _FLOATS]:
            raise CheckpointError(f"{self.prefix}: tensor {name} is not of floating-point numbers")
        return self.read_any(name)

    def read_any(self, name: str) -> Any:
        """A tensor of any dtype; bytes for a string."""
        try:
            return self._reader.get_tensor(name)
        except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
            raise CheckpointError(f"{self.prefix}: tensor {name} cannot be read: {_first_line(error)}") from None

    def _check(self, num_shards: int) -> None:
        """Every tensor lies in its file and has the length of its shape, and the last one ends with the file."""
        ends: dict[int, int] = {}
        for name, entry in self._entries.items():
            sizes = [dimension.size for dimension in entry.shape.dim]
            if (
                entry.slices
                or entry.shape.unknown_rank
                or min(sizes, default=0) < 0
                or min(entry.offset, entry.size) < 0
            ):
                raise CheckpointError(f"{self.prefix}: tensor {name} is saved in slices, or its shape is damaged")
            try:
                kind = tf.dtypes.as_dtype(entry.dtype)
            except TypeError:
                raise CheckpointError(f"{self.prefix}: tensor {name} has no known dtype") from None
            if kind not in (tf.string, tf.variant, tf.resource) and entry.size != math.prod(sizes) * kind.size:
                raise CheckpointError(
                    f"{self.prefix}: tensor {name} has the shape {sizes} and {entry.size} bytes, which do not agree"
                )
            ends[entry.shard_id] = max(ends.get(entry.shard_id, 0), entry.offset + entry.size)
        for shard, end in ends.items():
            path = self.prefix.with_name(f"{self.prefix.name}.data-{shard:05}-of-{num_shards:05}")
            if not path.exists():
                raise CheckpointError(f"{self.prefix}: its file {path.name} is not there")
            if path.stat().st_size != end:
                raise CheckpointError(
                    f"{path} has {path.stat().st_size} bytes, and its index says {end}: it is truncated or padded"
                )


def write_tensor_bundle(
    prefix: str | os.PathLike[str],
    shapes: Mapping[str, tuple[int, ...]],
    value: Callable[[str], np.ndarray],
    strings: Mapping[str, bytes] | None = None,
) -> None:
    """Writes float32 tensors in the order of {name: shape}, a few at a time; `value(name)` gives each of them.

    Args:
        strings: {name: bytes}, scalars that follow the tensors.

    Raises:
        OSError: the disk is full, or cannot be written.
    """
    prefix = str(prefix)
    parts: list[str] = []
    names: list[str] = []
    size = 0

    def write(names: Sequence[str], strings: Mapping[str, bytes]) -> None:
        part = f"{prefix}.part{len(parts)}"
        tensors = [tf.constant(value(name)) for name in names] + [tf.constant(text) for text in strings.values()]
        for name, tensor in zip(names, tensors, strict=False):
            assert tensor.shape == shapes[name], (name, tensor.shape, shapes[name])
        names = [*names, *strings]
        tf.raw_ops.SaveV2(prefix=part, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)
        parts.append(part)

    try:
        for name, shape in shapes.items():
            length = 4 * math.prod(shape)
            if names and size + length > _CHUNK:
                write(names, {})
                names, size = [], 0
            names.append(name)
            size += length
        write(names, strings or {})
        tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=prefix, delete_old_dirs=False)
    except tf.errors.OpError as error:
        raise OSError(_first_line(error)) from error  # a full disk, in TensorFlow's words


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of each entry of a table."""
    if len(data) < _FOOTER or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise ValueError("no table of TensorFlow")
    footer = data[-_FOOTER:]
    metaindex, place = _handle(footer, 0)
    index, place = _handle(footer, place)
    if any(footer[place:-8]):
        raise ValueError("a damaged footer")
    list(_block(data, metaindex))
    for _, value in _block(data, index):
        yield from _block(data, _handle(value, 0)[0])


def _block(data: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    begin, size = handle
    block = data[begin : begin + size]
    if len(block) != size or begin + size + _TRAILER > len(data) - _FOOTER or size < 4:
        raise ValueError("a block that does not lie in the file")
    if data[begin + size] != 0:
        raise ValueError("a compressed block")
    (checksum,) = struct.unpack("<I", data[begin + size + 1 : begin + size + _TRAILER])
    if _masked_crc32c(data[begin : begin + size + 1]) != checksum:
        raise ValueError("a block with another checksum")
    (restarts,) = struct.unpack("<I", block[-4:])
    end = size - 4 - 4 * restarts
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        unshared, place = _varint(block, place)
        length, place = _varint(block, place)
        if shared > len(key) or place + unshared + length > end:
            raise ValueError("an entry that does not lie in its block")
        key = key[:shared] + block[place : place + unshared]
        place += unshared
        yield key, block[place : place + length]
        place += length


def _handle(data: bytes, place: int) -> tuple[tuple[int, int], int]:
    begin, place = _varint(data, place)
    size, place = _varint(data, place)
    return (begin, size), place


def _varint(data: bytes, place: int) -> tuple[int, int]:
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


def _masked_crc32c(data: bytes) -> int:
    """The checksum as tensorflow/core/lib/hash/crc32c.h stores it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
