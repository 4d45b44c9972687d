"""The rules of tensorflow/serving's util/json_tensor.cc, case by case: what it reads, refuses and writes.

The cases of its own json_tensor_test.cc are among them. Where this server differs on purpose, the test says so, and
BUILD.md has the list.
"""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, regression_pb2

from tfbert.serving.protocol import rest_request, rest_response

NAN, INF = float("nan"), float("inf")


def infos(**dtypes):
    return {
        name: meta_graph_pb2.TensorInfo(dtype=tf.as_dtype(dtype).as_datatype_enum) for name, dtype in dtypes.items()
    }


def read(body, **dtypes):
    """The arrays of a `predict` body, as lists with the dtype's name, and whether they came in rows."""
    given = rest_request.read_object(body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body)
    protos, in_rows = rest_request.predict_inputs(given, infos(**dtypes))
    arrays = {name: tf.make_ndarray(proto) for name, proto in protos.items()}
    for name, array in arrays.items():
        assert tf.as_dtype(protos[name].dtype) == tf.as_dtype(dtypes[name])
        assert array.dtype == tf.as_dtype(dtypes[name]).as_numpy_dtype
    return {name: array.tolist() for name, array in arrays.items()}, in_rows


B64 = '{"b64": "aGVsbG8="}'


@pytest.mark.parametrize(
    ("body", "dtype", "value"),
    [
        ('{"instances": [[1,2],[3,4],[5,6]]}', "int32", [[1, 2], [3, 4], [5, 6]]),
        ('{"signature_name": "other", "instances": [[1,2]]}', "int32", [[1, 2]]),
        ('{"instances": [1], "unknown": [[[[{"a": null}]]]]}', "int32", [1]),
        ('\ufeff {"instances": [1]}\n', "int32", [1]),
        ('{"instances": [1, 2.0, 3, 0.25, -0, 0.0]}', "float32", [1, 2, 3, 0.25, 0, 0]),
        ('{"instances": [1.0, 2, 0.662, 1e-320]}', "float64", [1, 2, 0.662, 1e-320]),
        ('{"instances": [1435774380, 1435774380.0]}', "float32", [1435774336, 1435774336]),
        ('{"instances": [1152921504606846977, 36893488147419103233]}', "float32", [2.0**60, 2.0**65]),
        ('{"instances": [2.2250738585072014e-308]}', "float32", [0]),
        ('{"instances": [NaN, Infinity, -Infinity]}', "float64", [NAN, INF, -INF]),
        ('{"instances": [NaN, Infinity, -Infinity]}', "float32", [NAN, INF, -INF]),
        ('{"instances": [-2147483648, 2147483647, -0]}', "int32", [-(2**31), 2**31 - 1, 0]),
        ('{"instances": [-9223372036854775808, 9223372036854775807]}', "int64", [-(2**63), 2**63 - 1]),
        ('{"instances": [0, 4294967295]}', "uint32", [0, 2**32 - 1]),
        ('{"instances": [0, 18446744073709551615]}', "uint64", [0, 2**64 - 1]),
        ('{"instances": [-128, 127]}', "int8", [-128, 127]),
        ('{"instances": [true, false]}', "bool", [True, False]),
        ('{"instances": ["", "\\u00e9", "a\\u0000b", "\U0001f642"]}', "string", [b"", b"\xc3\xa9", b"a\0b", b"\xf0\x9f\x99\x82"]),
        (f'{{"instances": [{B64}, "x"]}}', "string", [b"hello", b"x"]),
        (f'{{"instances": [[{B64}], [{B64}]]}}', "string", [[b"hello"], [b"hello"]]),
        (f'{{"instances": [{{"x": [[{B64}], ["y"]]}}]}}', "string", [[[b"hello"], [b"y"]]]),
        ('{"instances": [[], []]}', "int32", [[], []]),
        ('{"instances": [[[]]]}', "string", [[[]]]),
        ('{"inputs": [[[1,2],[3,4]]]}', "int32", [[[1, 2], [3, 4]]]),
        ('{"inputs": {"x": [[1,2]]}}', "int32", [[1, 2]]),
        ('{"inputs": {"x": [1], "not an input": {"a": "b"}}}', "int32", [1]),
        ('{"inputs": 5}', "int32", 5),
        ('{"inputs": {"x": 5.5}}', "float64", 5.5),
        ('{"inputs": "text"}', "string", b"text"),
        (f'{{"inputs": {B64}}}', "string", b"hello"),
        (f'{{"inputs": {{"x": {B64}}}}}', "string", b"hello"),
        ('{"inputs": []}', "string", []),
        ('{"inputs": {"x": []}}', "float32", []),
    ],
)  # fmt: skip
def test_what_is_read(body, dtype, value):
    arrays, in_rows = read(body, x=dtype)
    np.testing.assert_equal(arrays, {"x": value})
    assert in_rows == ("instances" in body)


def test_several_inputs_by_rows_and_by_columns():
    dtypes = {"i": "int32", "s": "string", "f": "float32", "d": "float64"}
    rows = """{"instances": [
        {"i": [[1,2],[3,4]], "s": ["foo", "bar"], "f": [1.0, NaN], "d": [NaN]},
        {"d": [2.0], "f": [2, Infinity], "s": ["baz", "bat"], "i": [[7,8],[9,0]]}]}"""
    np.testing.assert_equal(
        read(rows, **dtypes)[0],
        {
            "i": [[[1, 2], [3, 4]], [[7, 8], [9, 0]]],
            "s": [[b"foo", b"bar"], [b"baz", b"bat"]],
            "f": [[1, NAN], [2, INF]],
            "d": [[NAN], [2]],
        },
    )
    columns = f'{{"inputs": {{"i": [[1,2],[3,4]], "s": {B64}, "more": 1}}}}'
    assert read(columns, i="int32", s="string") == ({"i": [[1, 2], [3, 4]], "s": b"hello"}, False)


def test_an_input_may_be_named_b64():
    """TF Serving takes an object for base64 only if its one value is a string."""
    assert read('{"instances": [{"b64": [1, 2]}]}', b64="int32")[0] == {"b64": [[1, 2]]}
    assert read('{"inputs": {"b64": [1]}}', b64="int32")[0] == {"b64": [1]}
    assert read(f'{{"inputs": {{"b64": {B64}}}}}', b64="string")[0] == {"b64": b"hello"}


@pytest.mark.parametrize(
    "body",
    [
        "", " ", "[1]", "1", "null", '"a"', "{", "}", "{'inputs': [1]}", '{"instances": [1],}', '{"instances": [01]}',
        '{"instances": [1e400]}', '{"instances": [.5]}', '{"instances": [1.]}', '{"instances": ["\n"]}', '{"a" 1}',
        '{"instances": [1]} // more', '{"instances": ["\\ud83dx"', '{"instances": [nan]}', '{"instances": ["\\x41"]}',
    ],
)  # fmt: skip
def test_no_json_object(body):
    with pytest.raises(ValueError, match="JSON Parse error"):
        rest_request.read_object(body.encode())


@pytest.mark.parametrize(
    ("body", "dtype", "details"),
    [
        ("{}", "int32", "Missing 'inputs' or 'instances' key"),
        ('{"instances": [1], "inputs": [1]}', "int32", "Not expecting both"),
        ('{"instances": {"x": 1}}', "int32", "non-empty array"),
        ('{"instances": null}', "int32", "non-empty array"),
        ('{"instances": []}', "int32", "non-empty array"),
        ('{"instances": [[1,2],[3,4],[5,6,7]]}', "int32", "unexpected size"),
        ('{"instances": [[1,2],[3,4],[[5,6]]]}', "int32", "unexpected size"),
        ('{"instances": [1, [1]]}', "int32", "must be int32"),
        ('{"instances": [[1], 1]}', "int32", "unexpected size"),
        ('{"instances": [[1,2],["a", "b"]]}', "int32", "must be int32"),
        ('{"instances": [{"x": [1]}, [1]]}', "int32", "the same names"),
        ('{"instances": [[1], {"x": [1]}]}', "int32", "the same names"),
        ('{"instances": [{"x": [1]}, {"x": [1], "y": 1}]}', "int32", "the same names"),
        ('{"instances": [{"y": [1]}]}', "int32", "1 names are no inputs"),
        ('{"instances": [{"x": [1], "y": 2}]}', "int32", "1 names are no inputs"),
        ('{"instances": [{"b64": 5}]}', "string", "1 names are no inputs"),
        ('{"instances": [{"x": {"b64": 5}}]}', "string", "must be a string"),
        ('{"instances": [{"x": {"b64": "YQ==", "a": 1}}]}', "string", "must be a string"),
        ('{"instances": [{"b64": "YQ\\u00a0=="}]}', "string", "no base64"),
        ('{"instances": [{"b64": "YQ\\u0085=="}]}', "string", "no base64"),
        (f'{{"instances": [{B64}]}}', "int32", "must be int32"),
        ('{"instances": [1.0]}', "int32", "must be int32"),
        ('{"instances": [1e2]}', "int64", "must be int64"),
        ('{"instances": [true]}', "int32", "must be int32"),
        ('{"instances": [true]}', "float32", "must be float32"),
        ('{"instances": ["1"]}', "float32", "must be float32"),
        ('{"instances": [null]}', "float32", "must be float32"),
        ('{"instances": [1]}', "bool", "must be bool"),
        ('{"instances": [1]}', "string", "must be a string"),
        ('{"instances": [2147483648]}', "int32", "does not fit"),
        ('{"instances": [9223372036854775808]}', "int64", "does not fit"),
        ('{"instances": [-1]}', "uint32", "does not fit"),
        ('{"instances": [18446744073709551616]}', "uint64", "does not fit"),
        ('{"inputs": null}', "float32", "must be float32"),
        ('{"inputs": {"x": {"y": 1}}}', "float32", "must be float32"),
    ],
)  # fmt: skip
def test_what_is_refused(body, dtype, details):
    with pytest.raises(ValueError, match=details):
        read(body, x=dtype)


def test_several_inputs_need_names():
    for body in ('{"instances": [1]}', '{"inputs": [1]}', '{"inputs": "a"}', f'{{"inputs": {B64}}}'):
        with pytest.raises(ValueError, match="takes several inputs"):
            read(body, x="int32", y="int32")


@pytest.mark.parametrize("name", ["1", "null", '["hello"]', '{"a": 1}', "true"])
def test_a_signature_is_a_string(name):
    with pytest.raises(ValueError, match="must be a string value"):
        rest_request.signature_name(rest_request.read_object(f'{{"signature_name": {name}}}'.encode()))


@pytest.mark.parametrize(
    ("body", "dtype"),
    [
        ('{"instances": [1e39]}', "float32"),  # TF Serving reads Infinity
        ('{"instances": [300]}', "int8"),  # and 44
        ('{"instances": [1]} and more', "int32"),  # it reads up to the end of the object
        (b'{"instances": ["\xff"]}', "string"),  # any bytes
        ('{"instances": [Inf]}', "float32"),  # another name of Infinity
        ('{"instances": [1], "more": ' + "[" * 10_000 + "]" * 10_000 + "}", "int32"),  # any depth
    ],
)  # fmt: skip
def test_what_only_tf_serving_reads(body, dtype):
    with pytest.raises(ValueError):
        read(body, x=dtype)


def test_what_only_this_server_reads():
    assert read('{"instances": [65535, 0]}', x="uint16")[0] == {"x": [65535, 0]}
    assert read('{"instances": [0.5]}', x="half")[0] == {"x": [0.5]}
    assert read('{"instances": ["\\ud83d"]}', x="string")[0] == {"x": [b"\xed\xa0\xbd"]}
    assert read('{"instances": [1], "instances": [2]}', x="int32")[0] == {"x": [2]}  # TF Serving: [1]


def features(body):
    """{name: (kind, values)} of the first example, and of the context."""
    message = input_pb2.Input()
    rest_request.fill_examples(rest_request.read_object(body.encode()), message)
    kind = message.WhichOneof("kind")
    held = getattr(message, kind)
    context = held.context if kind == "example_list_with_context" else example_pb2.Example()
    return [
        {
            name: (feature.WhichOneof("kind"), list(getattr(feature, feature.WhichOneof("kind") or "", feature).value))
            if feature.WhichOneof("kind")
            else None
            for name, feature in each.features.feature.items()
        }
        for each in (*held.examples, context)
    ]


def test_examples_and_context():
    body = """{"signature_name": "any", "context": {"query": "pizza", "location": ["sfo"]}, "examples": [
        {"names": ["foo", "bar"], "ratings": [8.0, 9.0, NaN, Infinity], "age": 20},
        {"names": ["baz", {"b64": "aGVsbG8="}], "ratings": 6.0, "mix": [1, true, false], "none": []},
        {"names": "bar", "ratings": -Infinity}]}"""
    first, second, third, context = features(body)
    np.testing.assert_equal(
        first,
        {
            "names": ("bytes_list", [b"foo", b"bar"]),
            "ratings": ("float_list", [8, 9, NAN, INF]),
            "age": ("int64_list", [20]),
        },
    )
    assert second == {
        "names": ("bytes_list", [b"baz", b"hello"]),
        "ratings": ("float_list", [6]),
        "mix": ("int64_list", [1, 1, 0]),
        "none": None,
    }
    assert third == {"names": ("bytes_list", [b"bar"]), "ratings": ("float_list", [-INF])}
    assert context == {"query": ("bytes_list", [b"pizza"]), "location": ("bytes_list", [b"sfo"])}


def test_long_integers_in_examples():
    """TF Serving's parser makes floats of what has more than 64 bits."""
    value = 2**70
    assert features(f'{{"examples": [{{"n": {value}}}]}}')[0] == {"n": ("float_list", [float(value)])}
    assert features(f'{{"examples": [{{"n": [{-value}, 1.5]}}]}}')[0] == {"n": ("float_list", [-float(value), 1.5])}
    for text, details in (
        (str(2**63), "does not fit into int64"),
        (str(2**64 - 13), "does not fit into int64"),
        (f"[1, {value}]", "expecting type: int64"),
        (f"[{value}, 1]", "expecting type: float"),
        (str(10**100), "without loss of precision"),
        (str(10**400), "without loss of precision"),
    ):
        with pytest.raises(ValueError, match=details):
            features(f'{{"examples": [{{"n": {text}}}]}}')


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ("{}", "non-empty array"),
        ('{"examples": []}', "non-empty array"),
        ('{"examples": {"names": ["foo"]}}', "non-empty array"),
        ('{"examples": [[{"names": ["foo"]}]]}', "an object of features"),
        ('{"examples": [{"a": 1}], "context": [{"a": 1}]}', "an object of features"),
        ('{"examples": [{"a": [10, null]}]}', "unexpected JSON type: Null"),
        ('{"examples": [{"a": [10, 10.0]}]}', "expecting type: int64"),
        ('{"examples": [{"a": [10, "b"]}]}', "expecting type: int64"),
        ('{"examples": [{"a": ["b", 10]}]}', "expecting type: bytes"),
        ('{"examples": [{"a": [{"test": 10}]}]}', "must be a string"),
        ('{"examples": [{"a": [{"b64": 10}]}]}', "must be a string"),
        ('{"examples": [{"a": [[10], 20]}]}', "unexpected JSON type: Array"),
        ('{"examples": [{"a": [{"b64": "A"}]}]}', "no base64"),
    ],
)  # fmt: skip
def test_examples_that_are_refused(body, details):
    with pytest.raises(ValueError, match=details):
        features(body)


def written(in_rows, **arrays):
    protos = {name: tf.make_tensor_proto(array) for name, array in arrays.items()}
    return b"".join(rest_response.predictions(protos, in_rows)).decode()


SHAPES = {
    "double_scalar": np.array([8.0, 9.0]),
    "float": np.array([[1.0], [2.0]], np.float32),
    "int": np.arange(12, dtype=np.int32).reshape(2, 3, 2),
    "str": np.array([["foo", "bar"], ["baz", "bat"]], object),
    "str_bytes": np.array([["hello", "world"], ["tf", "serving"]], object),
}


def test_outputs_by_rows_and_by_columns():
    base64 = [[{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}], [{"b64": "dGY="}, {"b64": "c2VydmluZw=="}]]
    columns = {name: array.tolist() for name, array in SHAPES.items()} | {"str_bytes": base64}
    assert json.loads(written(False, **SHAPES)) == {"outputs": columns}
    rows = [{name: column[row] for name, column in columns.items()} for row in range(2)]
    assert json.loads(written(True, **SHAPES)) == {"predictions": rows}
    for name, array in SHAPES.items():
        assert json.loads(written(False, **{name: array})) == {"outputs": columns[name]}
        assert json.loads(written(True, **{name: array})) == {"predictions": columns[name]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32([9000000, 0.5, 0.0003, 555557.5, 0.2, 3]), "[9000000.0, 0.5, 0.0003, 555557.5, 0.2, 3.0]"),
        (np.float32([0.00003, 1e30, 1e-45, -0.0]), "[3e-05, 1e+30, 1e-45, -0.0]"),
        (np.float64([0.1, 1 / 3, 1e300]), "[0.1, 0.3333333333333333, 1e+300]"),
        (np.float32([NAN, INF, 3, -INF]), "[NaN, Infinity, 3.0, -Infinity]"),
        (np.float64([NAN, INF, 3, -INF]), "[NaN, Infinity, 3.0, -Infinity]"),
        (np.int64([2**63 - 1, -(2**63)]), "[9223372036854775807, -9223372036854775808]"),
        (np.uint64([2**64 - 1]), "[18446744073709551615]"),
        (np.array([True, False]), "[true, false]"),
        (np.array([b'a"\n', "\u00e9".encode()], object), '["a\\"\\n", "\u00e9"]'),
        (np.zeros([0, 2], np.int32), "[]"),
        (np.zeros([2, 0], np.int32), "[[], []]"),
    ],
)  # fmt: skip
def test_numbers_and_texts_are_written(value, text):
    assert written(True, x=value) == f'{{"predictions": {text}}}'
    assert written(False, x=value) == f'{{"outputs": {text}}}'


def test_no_rows():
    arrays = {"a": np.zeros([0, 1, 2], np.float32), "b": np.zeros([0, 3], np.int32)}
    assert json.loads(written(True, **arrays)) == {"predictions": []}
    with pytest.raises(ValueError, match="one row for each"):
        written(True, **arrays, c=np.zeros([1]))


@pytest.mark.parametrize("in_rows", [True, False])
def test_what_json_cannot_hold(in_rows):
    """Not the real part alone, and no text that is no JSON."""
    for array in (np.array([1 + 2j], np.complex64), np.array([1 + 2j], np.complex128)):
        with pytest.raises(ValueError, match="output 'x' is complex"):
            written(in_rows, x=array)
    quantized = tensor_pb2.TensorProto(
        dtype=tf.qint8.as_datatype_enum, tensor_shape={"dim": [{"size": 1}]}, int_val=[1]
    )
    with pytest.raises(ValueError, match="output 'x' is qint8"):
        b"".join(rest_response.predictions({"x": quantized}, in_rows))
    with pytest.raises(ValueError, match="no outputs"):
        written(in_rows)


def test_results():
    classes = [[("car", 0.2), ("bike", NAN)], [("car", INF), ("\u00e9", -INF)]]
    result = classification_pb2.ClassificationResult()
    for row in classes:
        result.classifications.add(classes=[{"label": label, "score": score} for label, score in row])
    text = b"".join(rest_response.classifications(result)).decode()
    assert text == '{"results": [[["car", 0.2], ["bike", NaN]], [["car", Infinity], ["\u00e9", -Infinity]]]}'
    numbers = regression_pb2.RegressionResult()
    for value in (0.2, INF, 1.0, -INF, NAN):
        numbers.regressions.add(value=value)
    text = b"".join(rest_response.regressions(numbers)).decode()
    assert text == '{"results": [0.2, Infinity, 1.0, -Infinity, NaN]}'
