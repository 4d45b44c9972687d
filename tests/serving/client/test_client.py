"""The client against a stand-in for TF Serving that answers as it is told."""

import concurrent.futures
import math
import socket
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from served import CODE
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfbert.errors import ServingError
from tfbert.serving.client.client import Client, RequestError


class StandIn(prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer):
    """Keeps the last request and answers with `outputs`, or fails with `failure`, after `delay` seconds."""

    def __init__(self):
        self.request, self.outputs, self.failure, self.delay = None, {}, None, 0
        self.remaining = None

    def Predict(self, request, context):
        self.request, self.remaining = request, context.time_remaining()
        time.sleep(self.delay)
        if self.failure:
            context.abort(*self.failure)
        response = predict_pb2.PredictResponse()
        for name, value in self.outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response

    def GetModelMetadata(self, request, context):
        self.request = request
        signatures = get_model_metadata_pb2.SignatureDefMap()
        text = signatures.signature_def["serving_default"].inputs["text"]
        text.dtype = tf.string.as_datatype_enum
        text.tensor_shape.dim.add(size=-1)
        signatures.signature_def["serving_default"].outputs["any"].tensor_shape.unknown_rank = True
        signatures.signature_def["serving_default"].outputs["any"].dtype = tf.float32.as_datatype_enum
        signatures.signature_def["__saved_model_init_op"].outputs["x"].name = "init"
        response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec={"name": "mine"})
        response.model_spec.version.value = 7
        response.metadata["signature_def"].Pack(signatures)
        return response

    def GetModelStatus(self, request, context):
        self.request = request
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=7, state=30)
        response.model_version_status.add(version=6, state=50, status={"error_message": "broken"})
        return response


def serve(services, credentials=None, port=0):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    for service in services:
        if isinstance(service, health.HealthServicer):
            health_pb2_grpc.add_HealthServicer_to_server(service, server)
        else:
            prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
            model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
    address = f"127.0.0.1:{port}"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    return server, f"localhost:{port}"


@pytest.fixture
def stand_in():
    service = StandIn()
    server, service.address = serve([service])
    yield service
    server.stop(None)


@pytest.fixture
def client(stand_in):
    with Client(stand_in.address, model="mine", timeout=10) as client:
        yield client


def test_predict_returns_a_dict_for_each_text(stand_in, client):
    stand_in.outputs = {
        "label": np.array([b"positive", "n\u00e9gatif".encode()], object),
        "score": np.array([0.5, 0.25], np.float32),
        "probabilities": np.array([[0.5, 0.5], [0.75, 0.25]], np.float32),
        "tokens": np.array([[b"a", b"\xff"], [b"", b"c"]], object),
    }
    rows = client.predict(["one", b"two \xff"])
    assert rows[0] == {
        "label": "positive", "score": 0.5, "probabilities": [0.5, 0.5], "tokens": ["a", "\ufffd"]
    }  # fmt: skip
    assert rows[1]["label"] == "n\u00e9gatif" and rows[1]["probabilities"] == [0.75, 0.25]
    assert isinstance(rows[0]["score"], float)
    assert list(stand_in.request.inputs["text"].string_val) == [b"one", b"two \xff"]
    assert stand_in.request.model_spec.name == "mine"
    assert stand_in.request.model_spec.signature_name == "serving_default"
    assert not stand_in.request.model_spec.HasField("version")


def test_predict_pairs_other_inputs_and_any_sequence(stand_in, client):
    stand_in.outputs = {"score": np.zeros(2)}
    client.predict(("a", "b"), np.array(["c", "d"]))
    assert list(stand_in.request.inputs["text_pair"].string_val) == [b"c", b"d"]
    client.predict({"question": ["q", "r"], "context": ["c", "\ud83d"]}, signature_name="answer")
    assert stand_in.request.model_spec.signature_name == "answer"
    assert list(stand_in.request.inputs["context"].string_val) == [b"c", b"\xed\xa0\xbd"]
    assert client.predict([]) == []


@pytest.mark.parametrize(
    "wrong", [("one text",), (b"one text",), (None,), (["a"], ["b", "c"]), (["a"], "b"), ([1, "a"],), ({},)]
)
def test_wrong_arguments_are_told_before_anything_is_sent(stand_in, client, wrong):
    with pytest.raises(ServingError):
        client.predict(*wrong)
    assert stand_in.request is None


def test_predict_arrays_takes_and_returns_arrays(stand_in, client):
    stand_in.outputs = {"pooled_output": np.arange(6, dtype=np.float32).reshape(2, 3), "size": np.int64(2)}
    ids = np.array([[1, 2], [3, 4]], np.int32)
    outputs = client.predict_arrays(
        {"token_ids": ids}, signature_name="encode_ids", output_filter=["pooled_output", "size"]
    )
    np.testing.assert_array_equal(outputs["pooled_output"], stand_in.outputs["pooled_output"])
    assert outputs["size"] == 2
    np.testing.assert_array_equal(tf.make_ndarray(stand_in.request.inputs["token_ids"]), ids)
    assert list(stand_in.request.output_filter) == ["pooled_output", "size"]
    with pytest.raises(ServingError, match="size.*predict_arrays"):
        client.predict(["a", "b"])
    with pytest.raises(ServingError, match="list of output names"):
        client.predict_arrays({"token_ids": ids}, output_filter="size")
    with pytest.raises(ServingError, match="batch dimension"):
        client.predict_arrays({"token_ids": np.array(3, np.int32)})


def test_metadata_status_and_a_fixed_version(stand_in, client):
    assert client.metadata() == {
        "name": "mine",
        "version": 7,
        "signatures": {
            "serving_default": {"inputs": {"text": ("string", [-1])}, "outputs": {"any": ("float32", None)}}
        },
    }
    assert client.status() == [
        {"version": 7, "state": "AVAILABLE", "error": ""},
        {"version": 6, "state": "END", "error": "broken"},
    ]
    with Client(stand_in.address, model="mine", version=6) as pinned:
        pinned.status()
        assert stand_in.request.model_spec.version.value == 6


def test_every_call_has_a_deadline(stand_in, client):
    for timeout in (None, 0, -1, math.inf, math.nan, "5"):
        with pytest.raises(ServingError, match="number of seconds"):
            Client(stand_in.address, model="mine", timeout=timeout)
    with pytest.raises(ServingError, match="number of seconds"):
        client.predict(["a"], timeout=math.inf)
    stand_in.outputs = {"score": np.zeros(1)}
    client.predict(["a"])
    assert 5 < stand_in.remaining <= 10.1
    stand_in.delay = 1
    with pytest.raises(RequestError, match="DEADLINE_EXCEEDED.*no answer in 0.2 s") as caught:
        client.predict(["a"], timeout=0.2)
    assert caught.value.code == CODE.DEADLINE_EXCEEDED and caught.value.address == stand_in.address


def test_errors_carry_the_code_and_the_servers_message(stand_in, client):
    for code in (CODE.NOT_FOUND, CODE.INVALID_ARGUMENT, CODE.INTERNAL, CODE.UNAVAILABLE):
        stand_in.failure = (code, "the server's words")
        with pytest.raises(RequestError, match=f"model 'mine': {code.name}: the server's words") as caught:
            client.predict(["a"])
        assert caught.value.code == code and caught.value.details == "the server's words"
        assert isinstance(caught.value, ServingError)
    client.close()
    with pytest.raises(ServingError, match="another Client"):
        client.predict(["a"])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_the_first_call_waits_for_the_server_and_later_ones_do_not():
    port = free_port()
    service = StandIn()
    service.outputs = {"score": np.zeros(1)}
    started = []
    starting = threading.Timer(0.3, lambda: started.append(serve([service], port=port)))
    starting.start()
    with Client(f"localhost:{port}", model="mine", timeout=10) as client:
        assert client.predict(["a"]) == [{"score": 0.0}]
        starting.join()
        started[0][0].stop(None).wait()
        begun = time.monotonic()
        with pytest.raises(RequestError, match="start the server") as caught:
            client.predict(["a"])
        assert caught.value.code == CODE.UNAVAILABLE and time.monotonic() - begun < 3
    with Client(f"localhost:{port}", model="mine", timeout=0.3) as client:
        begun = time.monotonic()
        assert not client.healthy()
        with pytest.raises(RequestError) as caught:
            client.predict(["a"])
        assert caught.value.code == CODE.DEADLINE_EXCEEDED and time.monotonic() - begun < 3


def test_healthy_asks_the_health_service_or_else_the_status(stand_in, client):
    assert client.healthy()  # TF Serving without --enable_grpc_healthcheck_service
    service = health.HealthServicer()
    server, address = serve([service])
    with Client(address, model="mine") as other:
        assert other.healthy()
        service.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert not other.healthy()
    server.stop(None)


def test_tls_with_a_root_certificate(certificates):
    certificate = (certificates / "server.crt").read_bytes()
    service = StandIn()
    service.outputs = {"score": np.zeros(1)}
    credentials = grpc.ssl_server_credentials([((certificates / "server.key").read_bytes(), certificate)])
    server, address = serve([service], credentials)
    with Client(address, model="mine", root_certificates=(certificates / "ca.crt").read_bytes()) as client:
        assert client.predict(["a"]) == [{"score": 0.0}]
    with Client(address, model="mine", timeout=0.5) as plain, pytest.raises(RequestError):
        plain.predict(["a"])
    server.stop(None)
