"""JSON bodies: read as TF Serving reads them, or refused."""

import json

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2

from tfbert.serving.protocol import rest_request


@pytest.mark.parametrize("value", [1e39, -1e300, 10**400], ids=["1e39", "-1e300", "10**400"])
def test_a_number_beyond_the_inputs_type(value):
    infos = {"x": meta_graph_pb2.TensorInfo(dtype=tf.float32.as_datatype_enum)}
    with pytest.raises(ValueError, match="input 'x': a value does not fit into float32"):
        rest_request.predict_inputs({"instances": [1.0, value]}, infos)
    inputs, _ = rest_request.predict_inputs(json.loads('{"instances": [1.0, Infinity]}'), infos)
    assert tf.make_ndarray(inputs["x"]).tolist() == [1.0, float("inf")]


@pytest.mark.parametrize(
    "text", ["YSBmaWxt", "YSBm\naWxt\n", "YSBmaWw=", "YSBmaWw", "YSBmaQ==", "YSBmaQ", "YSBmaQ..", ""]
)
@pytest.mark.parametrize("rank", [1, 2])
def test_base64_is_read_as_tf_serving_reads_it(text, rank):
    """absl::Base64Unescape: white space is skipped, and padding may be left out."""
    infos = {"text": meta_graph_pb2.TensorInfo(dtype=tf.string.as_datatype_enum)}
    wanted = {"YSBmaWxt": b"a film", "YSBmaWw": b"a fil", "YSBmaQ": b"a fi", "": b""}[
        "".join(text.split()).rstrip("=.")
    ]
    value = {"b64": text} if rank == 1 else [{"b64": text}]
    for body in (
        {"instances": [value]},
        {"instances": [{"text": value}]},
        {"inputs": [value]},
        {"inputs": {"text": [value]}},
    ):
        inputs, _ = rest_request.predict_inputs(body, infos)
        assert tf.make_ndarray(inputs["text"]).ravel().tolist() == [wanted]
    message = input_pb2.Input()
    rest_request.fill_examples({"examples": [{"text": {"b64": text}}]}, message)
    assert list(message.example_list.examples[0].features.feature["text"].bytes_list.value) == [wanted]


@pytest.mark.parametrize("text", ["YSBmaQ=", "Y", "YSBmaWxt=", "YS-_", "YS=BmaWx"])
def test_what_is_no_base64_is_refused(text):
    infos = {"text": meta_graph_pb2.TensorInfo(dtype=tf.string.as_datatype_enum)}
    with pytest.raises(ValueError, match="input 'text': 'b64' holds no base64"):
        rest_request.predict_inputs({"instances": [{"b64": text}]}, infos)


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
        # What `inputs` holds besides the signature's is passed over; the server then says which is missing.
        assert "text" not in value and (isinstance(value, dict) or set(map(str, value)) == {"{}"})
        return
    array = tf.make_ndarray(protos["text"])
    assert array.dtype.type == tf.as_dtype(dtype).as_numpy_dtype or array.dtype == object
    assert isinstance(value, (list, dict, str, int, float))


def feature_of(value):
    message = input_pb2.Input()
    rest_request.fill_examples(rest_request.read_object(json.dumps({"examples": [{"n": value}]}).encode()), message)
    feature = message.example_list.examples[0].features.feature["n"]
    kind = feature.WhichOneof("kind")
    return kind and (kind, list(getattr(feature, kind).value))


def test_features_have_the_kind_that_tf_serving_gives_them():
    assert feature_of([1, 2]) == ("int64_list", [1, 2])
    assert feature_of(True) == ("int64_list", [1])
    assert feature_of([True, False, 3]) == ("int64_list", [1, 0, 3])
    assert feature_of([1.0, 2.5]) == ("float_list", [1.0, 2.5])
    assert feature_of(float("-inf")) == ("float_list", [float("-inf")])
    assert feature_of([]) is None


@pytest.mark.parametrize(
    ("value", "details"),
    [
        ([1, 2.5], "Feature: 'n': Unexpected element type, expecting type: int64"),
        ([2.5, 1], "expecting type: float"),
        (["a", True], "expecting type: bytes"),
        ([1.0, 1e39], "Cannot convert JSON value to float without loss of precision"),
        (-1e39, "without loss of precision"),
        (2**63, "does not fit into int64"),
        (None, "unexpected JSON type: Null"),
        ([["a"]], "unexpected JSON type: Array"),
        ({"a": 1}, "must be a string"),
    ],
)
def test_features_that_tf_serving_refuses(value, details):
    with pytest.raises(ValueError, match=details):
        feature_of(value)
