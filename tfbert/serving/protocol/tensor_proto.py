"""TensorProto to numpy arrays and back, strict where TensorFlow itself guesses.

TensorFlow's own parser repeats the last value when a request holds fewer values than its shape says, and
drops the rest when it holds more; both are a client's mistake, so here they are errors.
"""

import dataclasses

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

# Where a TensorProto keeps the values of a dtype, as in tensorflow/core/framework/tensor.proto.
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
    """One input of a signature: its name, dtype and shape (None: any size)."""

    name: str
    dtype: tf.DType
    shape: tf.TensorShape

    @classmethod
    def from_tensor_info(cls, name, info):
        return cls(name, tf.as_dtype(info.dtype), tf.TensorShape(info.tensor_shape))

    @property
    def has_batch(self):
        """Whether dimension 0 may take any size, and so is the batch."""
        return bool(self.shape.rank) and self.shape[0] is None

    def __str__(self):
        if self.shape.rank is None:
            return f"{self.name}: {self.dtype.name} of any shape"
        return f"{self.name}: {self.dtype.name} {[-1 if size is None else size for size in self.shape]}"


def parse(proto, spec):
    """The array that `proto` holds (strings: bytes objects), if it is what `spec` expects.

    Raises ValueError, naming the input, for another dtype, another rank or size, or a malformed TensorProto.

    >>> parse(tf.make_tensor_proto(["a text"]), InputSpec("text", tf.string, tf.TensorShape([None])))
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


def _values(proto, dtype, shape):
    if dtype not in _VALUE_FIELDS:
        raise TypeError(f"{dtype.name} cannot be sent")
    expected = int(np.prod(shape, dtype=object))
    if dtype == tf.string and proto.tensor_content:  # C++ clients may send strings packed
        if expected > len(proto.tensor_content):  # each takes a byte or more; TensorFlow allocates the shape first
            raise ValueError(f"shape {shape} needs {expected} values, {len(proto.tensor_content)} bytes were sent")
        strings = tf.io.parse_tensor(proto.SerializeToString(), tf.string).numpy()
        return np.asarray(strings, object)  # of one string numpy() is bytes
    values = getattr(proto, _VALUE_FIELDS[dtype])
    # Counting first also keeps a shape like [10**12] from being allocated.
    count = len(proto.tensor_content) / dtype.size if proto.tensor_content else len(values)
    if count != expected:
        raise ValueError(f"shape {shape} needs {expected} values, {count:g} were sent")
    if dtype == tf.string:
        return np.array(list(values), object).reshape(shape)
    return tf.make_ndarray(proto)


def encode(array):
    """A numpy array as a TensorProto with its values in the dtype's own field, as TF Serving answers.

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
        # A packed field of floats is the array's little-endian bytes; going through Python floats takes
        # 20 ms and the interpreter's lock for [8, 128, 384].
        field = proto.DESCRIPTOR.fields_by_name[_VALUE_FIELDS[dtype]].number
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        proto.MergeFromString(_varint(field << 3 | 2) + _varint(len(data)) + data)
    else:
        getattr(proto, _VALUE_FIELDS[dtype]).extend(array.ravel().tolist())
    return proto


def _varint(number):
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
