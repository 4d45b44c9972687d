"""Large requests over gRPC and REST, and calls that nobody waits for any more: no row of them is computed further."""

import concurrent.futures
import json
import socket
import threading
import time

import grpc
import numpy as np
import pytest
from served import CODE, eventually, examples, post, predict, refused, request
from tensorflow_serving.apis import classification_pb2, inference_pb2, prediction_service_pb2_grpc, regression_pb2

from tfbert.serving.host.server import Server
from tfbert.serving.models.batching_parameters import BatchingParameters

TEXTS = [f"{'x' * (number % 7)} {number}" for number in range(11)]


@pytest.fixture(scope="module")
def cutting(model_dir):
    parameters = BatchingParameters(max_batch_size=4)
    with Server(model_dir, port=0, rest_port=0, batching=parameters) as server:
        with grpc.insecure_channel(server.address) as channel:
            yield server, channel


@pytest.fixture
def batches(cutting, monkeypatch):
    """The rows of each batch that was computed."""
    servable, found = cutting[0].models.available()[0].servable, []
    run = servable.run

    def noted(name, inputs):
        found.append(len(next(iter(inputs.values()))))
        return run(name, inputs)

    monkeypatch.setattr(servable, "run", noted)
    return found


@pytest.mark.parametrize(
    ("signature", "inputs"),
    [
        ("", {"text": TEXTS}),
        ("pair", {"text": TEXTS, "text_pair": TEXTS[::-1]}),
        ("ids", {"token_ids": np.arange(44, dtype=np.int32).reshape(11, 4)}),
    ],
)
def test_predict(server, channel, cutting, batches, signature, inputs):
    asked = request(inputs, signature=signature)
    assert predict(cutting[1], asked).outputs == predict(channel, asked).outputs
    assert batches == [4, 4, 3]


def test_examples(server, channel, cutting, batches):
    several = inference_pb2.MultiInferenceRequest(input=examples(*TEXTS))
    for kind, method, message in (
        ("classify", "Classify", classification_pb2.ClassificationRequest),
        ("regress", "Regress", regression_pb2.RegressionRequest),
    ):
        asked = message(model_spec={"name": "mine", "signature_name": kind}, input=examples(*TEXTS))
        several.tasks.add(model_spec=asked.model_spec, method_name=f"tensorflow/serving/{kind}")
        cut, whole = (
            getattr(prediction_service_pb2_grpc.PredictionServiceStub(each), method)(asked, timeout=20)
            for each in (cutting[1], channel)
        )
        assert cut == whole
    assert batches == [4, 4, 3] * 2
    cut, whole = (
        prediction_service_pb2_grpc.PredictionServiceStub(each).MultiInference(several, timeout=20)
        for each in (cutting[1], channel)
    )
    assert cut == whole and sorted(batches) == [3] * 4 + [4] * 8


def test_rest(server, cutting, batches):
    body = json.dumps({"instances": TEXTS}).encode()
    assert post(cutting[0], "/mine:predict", body) == post(server, "/mine:predict", body)
    assert batches == [4, 4, 3]


@pytest.fixture
def slow(model_dir, monkeypatch):
    """slow(**settings): a server of one worker that computes four rows at a time, each time when it is let, its rows."""
    made = []

    def make(**settings):
        parameters = BatchingParameters(max_batch_size=4)
        server = Server(model_dir, port=0, rest_port=0, batching=parameters, **settings).start()
        let, rows = threading.Semaphore(0), []
        made.append((server, let))
        servable = server.models.available()[0].servable
        run = servable.run

        def wait(name, inputs):
            rows.extend(next(iter(inputs.values())).ravel().tolist())
            assert let.acquire(timeout=30)
            return run(name, inputs)

        monkeypatch.setattr(servable, "run", wait)
        return server, let, rows

    yield make
    for server, let in made:
        let.release(100)
        server.stop()


def large(protocol, server, channel, rows=20, timeout=None):
    """Starts a request; returns how to leave it."""
    texts = [f"{number}" for number in range(rows)]
    if protocol == "grpc":
        future = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict.future(
            request({"text": texts}), timeout=timeout
        )
        return future.cancel
    body = json.dumps({"instances": texts}).encode()
    connection = socket.create_connection((server.host, server.rest_port), timeout=10)
    connection.sendall(
        b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    return connection.close


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_client_that_leaves_in_the_middle(slow, protocol):
    server, let, rows = slow()
    with grpc.insecure_channel(server.address) as channel:
        leave = large(protocol, server, channel)
        let.release()
        eventually(lambda: len(rows) == 8)  # the second piece is under way
        leave()
        eventually(lambda: b"requests_in_flight 0.0" in server.metrics.render())
        let.release(100)
        assert predict(channel, request({"text": ["last"]})).outputs
        assert rows == [*(b"%d" % number for number in range(8)), b"last"]
        assert server._core.bytes_in_flight.used == 0


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_deadline_that_passes_in_the_middle(slow, protocol):
    server, let, rows = slow(rest_timeout_seconds=1.0)
    texts = [f"{number}" for number in range(20)]
    with grpc.insecure_channel(server.address) as channel, concurrent.futures.ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        if protocol == "grpc":
            asked = pool.submit(refused, channel, request({"text": texts}), 1.0)
        else:
            asked = pool.submit(post, server, "/mine:predict", json.dumps({"instances": texts}).encode())
        let.release()
        eventually(lambda: len(rows) == 8)
        code, answer = asked.result(20)
        assert 0.8 < time.monotonic() - begun < 5
        assert code in (CODE.DEADLINE_EXCEEDED, 504)
        if protocol == "rest":
            assert answer["error"].startswith(("the deadline passed", "the request took longer than 1 s"))
        let.release(100)
        assert predict(channel, request({"text": ["last"]})).outputs
        assert rows == [*(b"%d" % number for number in range(8)), b"last"]
        eventually(lambda: b'code="DEADLINE_EXCEEDED"' in server.metrics.render())
        assert b'code="CANCELLED"' not in server.metrics.render()


def test_rest_without_a_timeout(slow):
    server, let, rows = slow(rest_timeout_seconds=0)
    let.release(100)
    assert post(server, "/mine:predict", b'{"instances": ["a"]}')[0] == 200


def test_the_other_run_of_a_call_that_fails_is_not_computed(slow):
    server, let, rows = slow(workers=1)
    several = inference_pb2.MultiInferenceRequest(input=examples(*TEXTS))
    several.input.example_list.examples[1].Clear()  # without its text
    for kind in ("classify", "regress"):
        spec = {"name": "mine", "signature_name": kind}
        several.tasks.add(model_spec=spec, method_name=f"tensorflow/serving/{kind}")
    with grpc.insecure_channel(server.address) as channel:
        let.release()
        with pytest.raises(grpc.RpcError):
            prediction_service_pb2_grpc.PredictionServiceStub(channel).MultiInference(several, timeout=20)
        let.release(100)
        assert predict(channel, request({"text": ["last"]})).outputs
        assert len(rows) <= 4 + 4 + 1  # a piece may have begun before it was known that the first run failed


def test_stopping_finishes_all_pieces_or_gives_them_up(slow):
    server, let, rows = slow()
    stub, texts = prediction_service_pb2_grpc.PredictionServiceStub, [f"{number}" for number in range(20)]
    with grpc.insecure_channel(server.address) as channel:
        asked = stub(channel).Predict.future(request({"text": texts}), timeout=30)
        eventually(lambda: len(rows) == 4)
        stopping = threading.Thread(target=server.stop, args=(20,))
        stopping.start()
        let.release(100)
        assert len(asked.result(20).outputs["label"].string_val) == 20
        stopping.join(20)
        assert not stopping.is_alive()
    server, let, rows = slow()
    with grpc.insecure_channel(server.address) as channel:
        asked = stub(channel).Predict.future(request({"text": texts}), timeout=30)
        eventually(lambda: len(rows) == 4)
        batcher = server.models.available()[0].batcher
        server.stop(0.2)
        with pytest.raises(grpc.RpcError):
            asked.result(20)
        let.release(100)
        for thread in batcher._threads:
            thread.join(10)
        assert len(rows) == 4 and batcher.waiting_rows == 0
