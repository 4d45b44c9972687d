"""TensorFlow's checkpoint files: PREFIX.index, PREFIX.data-00000-of-00001.

The index is checked here against the lengths of the files before TensorFlow's own reader opens it, because that reader
allocates what the index says, and ends the process where that cannot be. Source: tensorflow/core/util/tensor_bundle.
"""

from __future__ import annotations

import math
import os
import pathlib
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import tensor_bundle_pb2

from tfbert.checkpoints.tensor_files.bundle_index import entries_of, varint
from tfbert.errors import CheckpointError

_MOST_DIMENSIONS = 254  # of TensorFlow's shapes
_LONGEST_VARINT, _CHECKSUM = 10, 4  # bytes
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
            entries = dict(entries_of(self.prefix.with_name(self.prefix.name + ".index").read_bytes()))
            header = tensor_bundle_pb2.BundleHeaderProto.FromString(entries.pop(b""))
            self._entries = {
                name.decode(): tensor_bundle_pb2.BundleEntryProto.FromString(entry) for name, entry in entries.items()
            }
        except (OSError, KeyError, ValueError, IndexError, struct.error, DecodeError) as error:
            raise CheckpointError(f"{self.prefix}.index is damaged or no index: {error!r}") from None
        if header.endianness != tensor_bundle_pb2.BundleHeaderProto.LITTLE:
            raise CheckpointError(f"{self.prefix}.index says that its numbers are big-endian")
        self._shards = header.num_shards
        self._check()
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
        """A tensor of any dtype; bytes for a string.

        Raises CheckpointError: its bytes are damaged; there is none; strings that are no scalar.
        """
        if name not in self._entries:
            raise CheckpointError(f"{self.prefix} has no tensor {name}")
        entry = self._entries[name]
        kind = tf.dtypes.as_dtype(entry.dtype)
        if kind in (tf.variant, tf.resource):
            raise CheckpointError(f"{self.prefix}: tensor {name} holds objects, neither numbers nor strings")
        try:
            if kind == tf.string:
                self._check_string(name, entry)
            return self._reader.get_tensor(name)
        except (tf.errors.OpError, OSError, ValueError, RuntimeError, IndexError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"{self.prefix}: tensor {name} cannot be read: {_first_line(error)}") from None

    def _check(self) -> None:
        """Every tensor lies in its file and has the length of its shape, and the last one ends with the file."""
        ends: dict[int, int] = {}
        for name, entry in self._entries.items():
            sizes = [dimension.size for dimension in entry.shape.dim]
            if (
                entry.slices
                or entry.shape.unknown_rank
                or len(sizes) > _MOST_DIMENSIONS
                or min(sizes, default=0) < 0
                or min(entry.offset, entry.size) < 0
                or math.prod(max(size, 1) for size in sizes) >= 1 << 62  # of one without numbers too
            ):
                raise CheckpointError(f"{self.prefix}: tensor {name} is saved in slices, or its shape is damaged")
            try:
                kind = tf.dtypes.as_dtype(entry.dtype)
            except TypeError:
                raise CheckpointError(f"{self.prefix}: tensor {name} has no known dtype") from None
            # A string has a byte for its length at least.
            least = math.prod(sizes) * (1 if kind in (tf.string, tf.variant, tf.resource) else kind.size)
            if entry.size < least or entry.size != least and kind not in (tf.string, tf.variant, tf.resource):
                raise CheckpointError(
                    f"{self.prefix}: tensor {name} has the shape {sizes} and {entry.size} bytes, which do not agree"
                )
            if not 0 <= entry.shard_id < self._shards:
                raise CheckpointError(f"{self.prefix}: tensor {name} is in none of the {self._shards} files")
            ends[entry.shard_id] = max(ends.get(entry.shard_id, 0), entry.offset + entry.size)
        for shard, end in ends.items():
            path = self._data_file(shard)
            if not path.exists():
                raise CheckpointError(f"{self.prefix}: its file {path.name} is not there")
            if path.stat().st_size != end:
                raise CheckpointError(
                    f"{path} has {path.stat().st_size} bytes, and its index says {end}: it is truncated or padded"
                )

    def _check_string(self, name: str, entry: Any) -> None:
        """A string has the length that its entry leaves: its length and a checksum stand before it."""
        with open(self._data_file(entry.shard_id), "rb") as file:
            file.seek(entry.offset)
            length, place = varint(file.read(min(entry.size, _LONGEST_VARINT)), 0)
        if entry.shape.dim or place + _CHECKSUM + length != entry.size:
            raise CheckpointError(f"{self.prefix}: tensor {name} is no scalar string, or its length is damaged")

    def _data_file(self, shard: int) -> pathlib.Path:
        return self.prefix.with_name(f"{self.prefix.name}.data-{shard:05}-of-{self._shards:05}")


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


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
