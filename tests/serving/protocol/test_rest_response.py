"""Answers as pieces of JSON: together they are the whole answer, and none of them is long."""

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.apis import classification_pb2, regression_pb2

from tfbert.serving.protocol import rest_response


def whole(pieces):
    pieces = list(pieces)
    assert max(piece.count(b",") for piece in pieces) <= 3 * 2048
    return json.loads(b"".join(pieces))


def protos(arrays):
    return {name: tf.make_tensor_proto(array) for name, array in arrays.items()}


NUMBERS = np.arange(60_000) % 1000
WORDS = np.array([f"é{number}".encode() for number in NUMBERS[:6000]], object)


@pytest.mark.parametrize("shape", [(60_000,), (20_000, 3), (3, 20_000), (3, 4, 5000), (2, 3), (0, 5), (5, 0)])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_one_output(shape, dtype):
    array = NUMBERS[: np.prod(shape)].reshape(shape).astype(dtype)
    assert whole(rest_response.predictions(protos({"x": array}), in_rows=False)) == {"outputs": array.tolist()}
    assert whole(rest_response.predictions(protos({"x": array}), in_rows=True)) == {"predictions": array.tolist()}


@pytest.mark.parametrize("count", [1, 3, 6000])
def test_several_outputs(count):
    arrays = {"label": WORDS[:count], "vector": NUMBERS[: 60_000 // count * count].reshape(count, -1)}
    columns = {"label": [word.decode() for word in arrays["label"]], "vector": arrays["vector"].tolist()}
    assert whole(rest_response.predictions(protos(arrays), in_rows=False)) == {"outputs": columns}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    assert whole(rest_response.predictions(protos(arrays), in_rows=True)) == {"predictions": rows}


@pytest.mark.parametrize("arrays", [{"x": np.float32(1)}, {"x": NUMBERS, "y": NUMBERS[:3]}, {"x": NUMBERS, "y": 1}])
def test_rows_need_a_value_each(arrays):
    with pytest.raises(ValueError, match="one row for each"):
        list(rest_response.predictions(protos(arrays), in_rows=True))
    assert whole(rest_response.predictions(protos(arrays), in_rows=False)).keys() == {"outputs"}


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_classes_and_numbers(count):
    classes = classification_pb2.ClassificationResult()
    numbers = regression_pb2.RegressionResult()
    for number in range(count):
        classes.classifications.add().classes.add(label="a", score=number)
        numbers.regressions.add(value=number)
    assert whole(rest_response.classifications(classes)) == {"results": [[["a", number]] for number in range(count)]}
    assert whole(rest_response.regressions(numbers)) == {"results": list(range(count))}


@given(st.floats(width=32, allow_nan=False))
def test_floats_are_written_with_their_own_digits(value):
    pieces = rest_response.predictions({"x": tf.make_tensor_proto(np.array([value], np.float32))}, in_rows=True)
    written = json.loads(b"".join(pieces))
    assert np.float32(written["predictions"][0]) == np.float32(value)
    digits = json.dumps(written["predictions"][0]).split("e")[0].strip("-0.").replace(".", "")
    assert len(digits) <= 9  # what a float32 needs at most
