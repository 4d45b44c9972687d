"""TensorProtos of every dtype."""

import numpy as np
import tensorflow as tf

from tfbert.serving.protocol.tensor_proto import encode


def test_encode_equals_make_tensor_proto_for_every_dtype():
    for dtype in (
        tf.float32,
        tf.float64,
        tf.int8,
        tf.int32,
        tf.int64,
        tf.uint64,
        tf.bool,
        tf.half,
        tf.bfloat16,
    ):
        array = np.array([[0, 1, 1], [0, 1, 0]]).astype(dtype.as_numpy_dtype)
        for value in (array, array.T, array[:, :0], array[0, 0], np.zeros([300, 5]).astype(array.dtype)):
            proto = encode(np.asarray(value))
            decoded = tf.make_ndarray(proto)
            assert decoded.dtype == value.dtype
            np.testing.assert_array_equal(decoded, value)
