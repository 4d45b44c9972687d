"""JSON bodies: read as TF Serving reads them, or refused."""

import json

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf import meta_graph_pb2

from tfbert.serving.protocol import rest_request


@pytest.mark.parametrize("value", [1e39, -1e300, 10**400], ids=["1e39", "-1e300", "10**400"])
def test_a_number_beyond_the_inputs_type(value):
    infos = {"x": meta_graph_pb2.TensorInfo(dtype=tf.float32.as_datatype_enum)}
    with pytest.raises(ValueError, match="input 'x': a value does not fit into float32"):
        rest_request.predict_inputs({"instances": [1.0, value]}, infos)
    inputs, _ = rest_request.predict_inputs(json.loads('{"instances": [1.0, Infinity]}'), infos)
    assert tf.make_ndarray(inputs["x"]).tolist() == [1.0, float("inf")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just({"b64": "YQ=="}),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["text", "b64", "x"]), inner),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(value=JSON, key=st.sampled_from(["instances", "inputs", "examples"]), dtype=st.sampled_from([1, 3, 7, 9, 10]))
def test_any_json_is_read_or_refused(value, key, dtype):
    info = meta_graph_pb2.TensorInfo(dtype=dtype)
    body = json.dumps({key: value}).encode()
    try:
        protos, _ = rest_request.predict_inputs(rest_request.read_object(body), {"text": info})
    except ValueError:
        return
    if not protos:
        assert value == {} or set(map(str, value)) == {"{}"}
        return
    array = tf.make_ndarray(protos["text"])
    assert array.dtype.type == tf.as_dtype(dtype).as_numpy_dtype or array.dtype == object
    assert isinstance(value, (list, dict, str, int, float))
