"""Requests of too many rows, and calls whose deadline has passed: refused before they take a worker's time."""

import gzip
import json
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from served import CODE, examples, post, predict, refused, request
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, prediction_service_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.host.server import Server
from tfbert.serving.protocol.signatures import Signatures


@pytest.fixture(scope="module")
def small(model_dir):
    with Server(model_dir, port=0, rest_port=0, max_rows=4) as server, grpc.insecure_channel(server.address) as channel:
        yield server, channel


def compressed(body):
    return gzip.compress(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("signature", "inputs"),
    [
        ("", lambda rows: {"text": ["a"] * rows}),
        ("pair", lambda rows: {"text": ["a"] * rows, "text_pair": ["b"] * rows}),
        ("ids", lambda rows: {"token_ids": np.ones((rows, 4), np.int32)}),
        ("total", lambda rows: {"text": [""] * rows}),  # its output has no batch
    ],
)
def test_predict(small, signature, inputs):
    server, channel = small
    assert predict(channel, request(inputs(4), signature=signature)).outputs
    code, details = refused(channel, request(inputs(5), signature=signature))
    assert code == CODE.INVALID_ARGUMENT and details.startswith("Task size 5 is larger than maximum input batch size 4")


def test_examples(small):
    server, channel = small
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name, classify.model_spec.signature_name = "mine", "classify"
    several = inference_pb2.MultiInferenceRequest()
    several.tasks.add(model_spec=classify.model_spec, method_name="tensorflow/serving/classify")
    for call, message in ((stub.Classify, classify), (stub.MultiInference, several)):
        message.input.CopyFrom(examples(*"abcd"))
        assert call(message, timeout=10)
        message.input.CopyFrom(examples(*"abcde"))
        code, details = refused(call, message)
        assert code == CODE.INVALID_ARGUMENT and "Task size 5" in details


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/mine:predict", lambda rows: {"instances": [""] * rows}),
        ("/mine:predict", lambda rows: {"instances": [{"text": ""}] * rows}),
        ("/mine:predict", lambda rows: {"inputs": [""] * rows}),
        ("/mine:predict", lambda rows: {"inputs": {"text": [""] * rows}}),
        ("/mine:classify", lambda rows: {"examples": [{"text": ""}] * rows, "signature_name": "classify"}),
        ("/mine:regress", lambda rows: {"examples": [{"text": ""}] * rows, "signature_name": "regress"}),
    ],
)
def test_rest(small, path, body, monkeypatch):
    server, _ = small
    assert post(server, path, compressed(body(4)), "gzip")[0] == 200
    for name in ("predict_inputs", "fill_examples"):  # a kilobyte of gzip can hold a million rows: they are not copied
        monkeypatch.setattr(f"tfbert.serving.protocol.rest_request.{name}", None)
    status, answer = post(server, path, compressed(body(10_000)), "gzip")
    assert status == 400 and answer["error"].startswith("Task size 10000 is larger than maximum input batch size 4")
    monkeypatch.setattr("tfbert.serving.protocol.rest_request.read_object", None)
    status, answer = post(server, path, compressed(body(1_000_000)), "gzip")
    assert status == 400 and "the body has too many values" in answer["error"] and "--max_rows" in answer["error"]


def test_what_counts():
    def info(dtype, *shape):
        dims = {"dim": [{"size": size} for size in shape]}
        return meta_graph_pb2.TensorInfo(dtype=dtype.as_datatype_enum, tensor_shape=dims)

    inputs = {"choices": info(tf.string, -1, -1), "ids": info(tf.int32, -1, 9), "fixed": info(tf.string, 500)}
    signatures = Signatures({"it": meta_graph_pb2.SignatureDef(inputs=inputs)})
    text = np.array([b""] * 500, object)
    given = {"choices": text[:60].reshape(2, 30), "ids": np.zeros((7, 9), np.int32), "fixed": text}
    assert signatures.rows("it", given) == 60
    assert signatures.rows("it", {**given, "choices": text[:0].reshape(0, 3)}) == 7


def test_the_default_takes_4096(model_dir):
    assert Server(model_dir, port=0)._max_rows == 4096
    with pytest.raises(ServingError, match="max_rows=0: at least one"):
        Server(model_dir, port=0, max_rows=0)


def test_the_clients_deadline_reaches_the_batch(model_dir, monkeypatch):
    with Server(model_dir, port=0) as server, grpc.insecure_channel(server.address) as channel:
        batcher, seen = server.models.available()[0].batcher, []
        submit = batcher.submit

        def late(*run, deadline=None, hold=None):
            seen.append(None if deadline is None else deadline - time.monotonic())
            return submit(*run, deadline=None if deadline is None else deadline - 60, hold=hold)

        monkeypatch.setattr(batcher, "submit", late)
        assert predict(channel, request(), timeout=None).outputs  # no deadline
        code, details = refused(channel, request(), timeout=30)
        assert (code, details) == (CODE.DEADLINE_EXCEEDED, "the deadline passed before the batch began")
        assert seen[0] is None and 20 < seen[1] < 31
