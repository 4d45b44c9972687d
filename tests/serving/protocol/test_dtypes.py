"""Types and shapes of tensors against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from tfbert.serving.protocol import dtypes, tensor_proto

KINDS = (
    *(tf.string, tf.bool, tf.half, tf.bfloat16, tf.float32, tf.float64),
    *(tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64),
)


def test_names_numbers_and_bounds_are_tensorflows():
    for number in types_pb2.DataType.values()[1:24]:
        if number not in (types_pb2.DT_INT4, types_pb2.DT_UINT4):
            assert dtypes.of_number(number).name == tf.as_dtype(number).name
    for kind in KINDS:
        ours = dtypes.of_number(kind.as_datatype_enum)
        assert ours.numpy == np.dtype(kind.as_numpy_dtype)
        assert (ours.is_integer, ours.is_floating) == (kind.is_integer, kind.is_floating)
        if ours.is_integer or ours.is_floating:
            assert tuple(map(float, ours.bounds)) == (float(kind.min), float(kind.max))
    for number in (0, 1000):
        with pytest.raises(TypeError, match="no type of tensors"):
            dtypes.of_number(number)


def test_protos_that_tensorflow_writes_are_read_as_it_reads_them():
    for kind in KINDS:
        strings = kind == tf.string
        for value in ([[1, 0], [0, 1]], [[1, 1]] * 40, [1], []):
            array = np.array(value).astype(kind.as_numpy_dtype) if not strings else np.array(value).astype("S")
            proto = tf.make_tensor_proto(array, kind, shape=None if value else [0])
            read = tensor_proto.to_array(proto)
            wanted = tf.make_ndarray(proto)
            assert (read.dtype, read.shape) == (wanted.dtype, wanted.shape)
            np.testing.assert_array_equal(read, wanted)
    repeated = tf.make_tensor_proto(0.5, tf.float32, shape=[2, 3])
    np.testing.assert_array_equal(tensor_proto.to_array(repeated), tf.make_ndarray(repeated))
    complex_number = tf.make_tensor_proto([1 + 2j])
    np.testing.assert_array_equal(tensor_proto.to_array(complex_number), [1 + 2j])


@pytest.mark.parametrize(
    "values", [[1, 2], [[1.5], [2]], [True, False], [2**40], [["a", b"b"]], [[]], [np.float64(1), 2.0], ["ü"]]
)
def test_lists_are_read_as_tensorflow_reads_them(values):
    wanted = tf.make_ndarray(tf.make_tensor_proto(values))
    read = tensor_proto.from_lists(values)
    assert (read.dtype, read.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(read, wanted)


@pytest.mark.parametrize("values", [["a", 1], [[1], [1, 2]], [None], [{}]])
def test_what_is_no_array_is_refused(values):
    with pytest.raises((TypeError, ValueError)):
        tensor_proto.encode(tensor_proto.from_lists(values))


def test_strings_that_a_cpp_client_packs():
    packed = tf.io.serialize_tensor(tf.constant([b"a", b"", b"x" * 300])).numpy()
    proto = type(tf.make_tensor_proto(0)).FromString(packed)
    proto.ClearField("string_val")
    proto.tensor_content = b"\x01\x00\xac\x02" + b"a" + b"x" * 300
    spec = tensor_proto.InputSpec("text", dtypes.STRING, (None,))
    assert tensor_proto.decode(proto, spec).tolist() == [b"a", b"", b"x" * 300]
    assert tensor_proto.to_array(proto).tolist() == [b"a", b"", b"x" * 300]
    assert tf.io.parse_tensor(proto.SerializeToString(), tf.string).numpy().tolist() == [b"a", b"", b"x" * 300]
    for content in (b"\x01\x00\xff", b"\x01\x00\xac\x02a", b"\xff" * 20):
        proto.tensor_content = content
        with pytest.raises(ValueError, match="packed strings"):
            tensor_proto.decode(proto, spec)
