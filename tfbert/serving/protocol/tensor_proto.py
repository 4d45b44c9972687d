"""TensorProto -> numpy array and back; refuses what TensorFlow would guess.

When a TensorProto holds fewer values than its shape says, TensorFlow's own parser repeats the last one; when it holds
more, the parser drops the rest. Both are a client's mistake, so both are errors here.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

# The field in which a TensorProto keeps the values of a dtype: tensorflow/core/framework/tensor.proto.
_VALUE_FIELDS = {
    tf.string: "string_val",
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int32: "int_val",
    tf.int16: "int_val",
    tf.int8: "int_val",
    tf.uint16: "int_val",
    tf.uint8: "int_val",
    tf.int64: "int64_val",
    tf.bool: "bool_val",
    tf.uint32: "uint32_val",
    tf.uint64: "uint64_val",
    tf.half: "half_val",
    tf.bfloat16: "half_val",
}


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """One input of a signature: name, dtype, and shape, in which None is any size.

    >>> str(InputSpec("text", tf.string, tf.TensorShape([None])))
    'text: string [-1]'
    """

    name: str
    dtype: tf.DType
    shape: tf.TensorShape

    @classmethod
    def from_tensor_info(cls, name: str, info: meta_graph_pb2.TensorInfo) -> InputSpec:
        """The spec of an input that a SignatureDef describes."""
        return cls(name, tf.as_dtype(info.dtype), tf.TensorShape(info.tensor_shape))

    @property
    def has_batch(self) -> bool:
        """Whether dimension 0 may have any size, and so is the batch."""
        return bool(self.shape.rank) and self.shape[0] is None

    def __str__(self) -> str:
        if self.shape.rank is None:
            return f"{self.name}: {self.dtype.name} of any shape"
        return f"{self.name}: {self.dtype.name} {[-1 if size is None else size for size in self.shape]}"


def decode(proto: tensor_pb2.TensorProto, spec: InputSpec) -> np.ndarray:
    """The array in `proto`, if it is what `spec` expects; strings are bytes objects.

    Raises ValueError, which names the input, for another dtype, another shape or a malformed TensorProto.

    >>> decode(tf.make_tensor_proto(["a text"]), InputSpec("text", tf.string, tf.TensorShape([None])))
    array([b'a text'], dtype=object)
    """
    if proto.dtype != spec.dtype.as_datatype_enum:
        try:
            given = tf.as_dtype(proto.dtype).name
        except TypeError:
            given = f"the unknown dtype {proto.dtype}"
        raise ValueError(f"input {spec.name!r} is {given}, not {spec.dtype.name}")
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ValueError(f"tensor parsing error: input {spec.name!r} has an incomplete shape, {shape}")
    if not spec.shape.is_compatible_with(shape):
        raise ValueError(f"input {spec.name!r} has shape {shape}")
    try:
        return _values(proto, spec.dtype, shape)
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(f"tensor parsing error: input {spec.name!r}: {error}") from None


def _values(proto: tensor_pb2.TensorProto, dtype: tf.DType, shape: list[int]) -> np.ndarray:
    if dtype not in _VALUE_FIELDS:
        raise TypeError(f"{dtype.name} cannot be sent")
    expected = int(np.prod(shape, dtype=object))
    if dtype == tf.string and proto.tensor_content:  # C++ clients may pack strings
        # A string takes at least one byte. TensorFlow would allocate the shape before it finds that out.
        if expected > len(proto.tensor_content):
            raise ValueError(f"shape {shape} needs {expected} values, {len(proto.tensor_content)} bytes were sent")
        strings = tf.io.parse_tensor(proto.SerializeToString(), tf.string).numpy()
        return np.asarray(strings, object)  # numpy() of a scalar is bytes, not an array
    values = getattr(proto, _VALUE_FIELDS[dtype])
    # The count is checked first, so that a shape such as [10**12] is never allocated.
    count = len(proto.tensor_content) / dtype.size if proto.tensor_content else len(values)
    if count != expected:
        raise ValueError(f"shape {shape} needs {expected} values, {count:g} were sent")
    if dtype == tf.string:
        return np.array(list(values), object).reshape(shape)
    return tf.make_ndarray(proto)


def encode(array: np.ndarray) -> tensor_pb2.TensorProto:
    """A TensorProto with the values in the dtype's own field, as TF Serving writes them.

    >>> list(encode(np.array([0.5, 1.0], np.float32)).float_val)
    [0.5, 1.0]
    """
    dtype = tf.as_dtype(array.dtype)
    if dtype not in _VALUE_FIELDS or dtype in (tf.half, tf.bfloat16):
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if dtype in (tf.float32, tf.float64):
        # On the wire, a packed field of floats is the array's little-endian bytes. Through Python floats, an array of
        # [8, 128, 384] would hold the interpreter's lock for 20 ms.
        field = proto.DESCRIPTOR.fields_by_name[_VALUE_FIELDS[dtype]].number
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        proto.MergeFromString(_varint(field << 3 | 2) + _varint(len(data)) + data)
    else:
        getattr(proto, _VALUE_FIELDS[dtype]).extend(array.ravel().tolist())
    return proto


def _varint(number: int) -> bytes:
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
