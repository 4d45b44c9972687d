"""TensorProto -> numpy array and back; refuses what TensorFlow would guess.

When a TensorProto holds fewer values than its shape says, TensorFlow's own parser repeats the last one; when it holds
more, the parser drops the rest. Both are a client's mistake, so both are errors here.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from tfbert.serving.protocol import dtypes

Shape = tuple[int | None, ...] | None  # None: of any rank; a size that is None: any size


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """One input of a signature: name, dtype, and shape, in which None is any size.

    >>> str(InputSpec("text", dtypes.STRING, (None,)))
    'text: string [-1]'
    """

    name: str
    dtype: dtypes.DType
    shape: Shape

    @classmethod
    def from_tensor_info(cls, name: str, info: meta_graph_pb2.TensorInfo) -> InputSpec:
        """The spec of an input that a SignatureDef describes."""
        return cls(name, dtypes.of_number(info.dtype), shape_of(info))

    @property
    def has_batch(self) -> bool:
        """Whether dimension 0 may have any size, and so is the batch."""
        return bool(self.shape) and self.shape[0] is None

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name}: {self.dtype.name} of any shape"
        return f"{self.name}: {self.dtype.name} {[-1 if size is None else size for size in self.shape]}"


def decode(proto: tensor_pb2.TensorProto, spec: InputSpec) -> np.ndarray:
    """The array in `proto`, if it is what `spec` expects; strings are bytes objects.

    Raises ValueError, which names the input, for another dtype, another shape or a malformed TensorProto.

    >>> decode(encode(np.array([b"a text"], object)), InputSpec("text", dtypes.STRING, (None,)))
    array([b'a text'], dtype=object)
    """
    if proto.dtype != spec.dtype.number:
        try:
            given = dtypes.of_number(proto.dtype).name
        except TypeError:
            given = f"the unknown dtype {proto.dtype}"
        raise ValueError(f"input {spec.name!r} is {given}, not {spec.dtype.name}")
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ValueError(f"tensor parsing error: input {spec.name!r} has an incomplete shape, {shape}")
    if not _fits(shape, spec.shape):
        raise ValueError(f"input {spec.name!r} has shape {shape}")
    try:
        return _checked(proto, spec.dtype, shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"tensor parsing error: input {spec.name!r}: {error}") from None


def shape_of(info: meta_graph_pb2.TensorInfo) -> Shape:
    """The shape that a SignatureDef gives.

    >>> shape_of(meta_graph_pb2.TensorInfo(tensor_shape={"dim": [{"size": -1}, {"size": 4}]}))
    (None, 4)
    """
    if info.tensor_shape.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)


def _fits(shape: list[int], expected: Shape) -> bool:
    if expected is None:
        return True
    sizes = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(wanted in (None, size) for size, wanted in sizes)


def _checked(proto: tensor_pb2.TensorProto, dtype: dtypes.DType, shape: list[int]) -> np.ndarray:
    if dtype.numpy is None:
        raise TypeError(f"{dtype.name} cannot be sent")
    expected = math.prod(shape)
    if dtype == dtypes.STRING and proto.tensor_content:  # C++ clients may pack strings
        # A string takes at least one byte. The shape is not allocated before that is known.
        if expected > len(proto.tensor_content):
            raise ValueError(f"shape {shape} needs {expected} values, {len(proto.tensor_content)} bytes were sent")
        return _objects(_unpacked(proto.tensor_content, expected), shape)
    # The count is checked first, so that a shape such as [10**12] is never allocated.
    content = proto.tensor_content
    count = len(content) / dtype.numpy.itemsize if content else len(getattr(proto, dtype.field))
    if count != expected:
        raise ValueError(f"shape {shape} needs {expected} values, {count:g} were sent")
    return _values(proto, dtype).reshape(shape)


def _unpacked(content: bytes, count: int) -> list[bytes]:
    """Strings as tensorflow/core/platform/tensor_coding.cc packs them: all lengths as varints, then all bytes."""
    lengths, place = [], 0
    for _ in range(count):
        length, shift = 0, 0
        while True:
            if place >= len(content) or shift > 28:
                raise ValueError("the lengths of the packed strings cannot be read")
            byte = content[place]
            place, length, shift = place + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        lengths.append(length)
    if place + sum(lengths) != len(content):
        raise ValueError("the lengths of the packed strings are not those of the bytes that were sent")
    ends = np.cumsum([place, *lengths]).tolist()
    return [content[begin:end] for begin, end in zip(ends, ends[1:], strict=False)]


def _objects(values: Sequence[bytes], shape: Sequence[int]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape)


def _values(proto: tensor_pb2.TensorProto, dtype: dtypes.DType) -> np.ndarray:
    """All values, in one dimension."""
    if proto.tensor_content and dtype != dtypes.STRING:
        return np.frombuffer(proto.tensor_content, dtype.numpy.newbyteorder("<")).astype(dtype.numpy)
    field = getattr(proto, dtype.field)
    if dtype == dtypes.STRING:
        return _objects(field, [len(field)])
    if dtype.field == "half_val":  # their bits
        return np.fromiter(field, np.uint16).view(dtype.numpy)
    return np.fromiter(field, dtype.numpy)


def to_array(proto: tensor_pb2.TensorProto) -> np.ndarray:
    """The array in a TensorProto that TensorFlow or this module has written; of fewer values the last one is repeated.

    >>> to_array(encode(np.array([[1, 2]], np.int32)))
    array([[1, 2]], dtype=int32)
    """
    dtype, shape = dtypes.of_number(proto.dtype), [dim.size for dim in proto.tensor_shape.dim]
    if dtype.numpy is None:
        return _tensorflow().make_ndarray(proto)
    if dtype == dtypes.STRING and proto.tensor_content:
        return _objects(_unpacked(proto.tensor_content, math.prod(shape)), shape)
    values = _values(proto, dtype)
    missing = math.prod(shape) - len(values)
    if missing > 0:
        last = values[-1] if len(values) else b"" if dtype == dtypes.STRING else 0
        values = np.concatenate([values, np.full(missing, last, dtype.numpy)])
    return values.reshape(shape)


def encode(array: np.ndarray, proto: tensor_pb2.TensorProto | None = None) -> tensor_pb2.TensorProto:
    """A TensorProto, `proto` if given, with the values in the dtype's own field, as TF Serving writes them.

    >>> list(encode(np.array([0.5, 1.0], np.float32)).float_val)
    [0.5, 1.0]
    """
    try:
        dtype = dtypes.of_array(array)
    except TypeError:
        made = _tensorflow().make_tensor_proto(array)
        if proto is not None:
            proto.CopyFrom(made)
        return made
    proto = tensor_pb2.TensorProto() if proto is None else proto
    proto.dtype = dtype.number
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if dtype.name in ("float32", "float64"):
        # On the wire, a packed field of floats is the array's little-endian bytes. Through Python floats, an array of
        # [8, 128, 384] would hold the interpreter's lock for 20 ms.
        field = proto.DESCRIPTOR.fields_by_name[dtype.field].number
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        proto.MergeFromString(_varint(field << 3 | 2) + _varint(len(data)) + data)
        return proto
    values = array.ravel()
    if dtype.field == "half_val":
        values = values.view(np.uint16)
    getattr(proto, dtype.field).extend(values.tolist())
    return proto


def from_lists(values: Sequence[Any]) -> np.ndarray:
    """Lists in lists as TensorFlow reads them: floats as float32, integers as int32 where they fit.

    Raises TypeError or ValueError for what is no array.

    >>> from_lists([[1, 2], [3, 4]]).dtype
    dtype('int32')
    """
    array = np.array(values)
    if array.dtype.kind in "OUS":
        array = np.array(values, object)
        if not all(isinstance(item, (str, bytes)) for item in array.flat):
            raise TypeError("values of several kinds")
        items = [item.encode() if isinstance(item, str) else item for item in array.flat]
        return np.array([*items, None], object)[:-1].reshape(array.shape)
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64 and np.array_equal(array, array.astype(np.int32)):
        return array.astype(np.int32)
    return array


def _tensorflow() -> Any:
    """TensorFlow, for types that only its own models return, such as complex numbers."""
    return importlib.import_module("tensorflow")


def _varint(number: int) -> bytes:
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
