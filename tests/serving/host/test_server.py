"""The embedded server: starting, stopping, addresses, folders."""

import concurrent.futures
import json
import shutil
import socket
import threading
import time
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from served import CODE, Gate, predict, refused, request
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.client.client import Client
from tfbert.serving.host.server import Server
from tfbert.serving.protocol import rest_response


def test_eight_clients_at_once_get_their_own_answers(server):
    def ask(number):
        with Client(server.address, model="mine", timeout=30) as client:
            for turn in range(15):
                texts = ["x" * (number * 100 + turn), "a b " * number]
                rows = client.predict(texts)
                assert [row["logits"] for row in rows] == [[len(text), len(text.split())] for text in texts]
                assert rows[0]["label"] == "bytes" and isinstance(rows[0]["logits"][0], float)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(1, 9)))


@pytest.fixture
def held(model_dir, hold):
    """A server of one worker whose predictions wait at a gate, where the first one is."""
    with Server(model_dir, port=0, workers=1) as server, grpc.insecure_channel(server.address) as channel:
        gate = hold(server)
        first = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict.future(request(), timeout=30)
        assert gate.reached.wait(30)
        yield server, channel, gate, first
        gate.open()


def test_a_request_whose_deadline_passes_in_the_queue_is_not_computed(held):
    _, channel, gate, first = held
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        predict(channel, request(), timeout=0.3)
    assert caught.value.code() == CODE.DEADLINE_EXCEEDED and time.monotonic() - started < 2
    cancelled = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict.future(request(), timeout=30)
    time.sleep(0.2)
    cancelled.cancel()
    # Health is answered while the only worker is busy.
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == 1
    time.sleep(0.2)
    gate.open()
    assert first.result().outputs
    assert predict(channel, request()).outputs
    assert len(gate.inputs) == 2  # the first and the last


def test_stopping_refuses_new_requests_and_finishes_those_begun(held):
    server, channel, gate, first = held
    health = health_pb2_grpc.HealthStub(channel)
    watched = health.Watch(health_pb2.HealthCheckRequest(service="PredictionService"), timeout=20)
    assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
    stopping = threading.Thread(target=server.stop, args=(20,))
    stopping.start()
    assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
    # Health says it a moment before requests are refused; one that comes between waits in the queue in vain.
    codes = [None]
    while codes[-1] != CODE.UNAVAILABLE:
        with pytest.raises(grpc.RpcError) as caught:
            predict(channel, request(), timeout=1)
        codes.append(caught.value.code())
    assert set(codes[1:-1]) <= {CODE.DEADLINE_EXCEEDED}
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == 2
    assert not server.wait(0.01)
    started = time.monotonic()
    gate.open()
    assert first.result().outputs
    stopping.join(10)
    assert server.wait(0) and time.monotonic() - started < 5  # an open watch does not hold it up
    server.stop()
    with pytest.raises(ServingError, match="make another"):
        server.start()
    assert refused(channel, request())[0] == CODE.UNAVAILABLE


def test_stopping_gives_up_after_the_grace(held):
    server, _, _, first = held
    started = time.monotonic()
    server.stop(0.2)
    assert time.monotonic() - started < 3
    with pytest.raises(grpc.RpcError):
        first.result()


def test_rest_requests_that_do_not_end_are_given_up_after_the_grace(model_dir, hold):
    server = Server(model_dir, port=0, rest_port=0).start()
    held = hold(server)
    head = b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n"
    with (
        socket.create_connection((server.host, server.rest_port), timeout=20) as half,
        socket.create_connection((server.host, server.rest_port), timeout=20) as slow,
    ):
        half.sendall(head + b"{")
        slow.sendall(head + b'{"instances":["a"]} ')
        assert held.reached.wait(20)
        started = time.monotonic()
        server.stop(0.2)
        assert time.monotonic() - started < 5
        held.open()


def test_stopping_waits_until_an_answer_is_written(model_dir, monkeypatch):
    gate, write = Gate(), rest_response.predictions

    def write_when_open(outputs, in_rows):
        gate.wait()
        yield from write(outputs, in_rows)

    monkeypatch.setattr(rest_response, "predictions", write_when_open)
    with Server(model_dir, port=0, rest_port=0) as server, concurrent.futures.ThreadPoolExecutor(2) as pool:
        body = json.dumps({"signature_name": "ids", "instances": [[1, 2, 3, 4]] * 3000}).encode()
        asked = pool.submit(urllib.request.urlopen, f"{server.rest_url}/mine:predict", body, timeout=30)
        assert gate.reached.wait(20)
        stopping = pool.submit(server.stop, 20)
        time.sleep(1)  # longer than answers may take to be sent
        gate.open()
        assert len(json.load(asked.result())["predictions"]) == 3000
        stopping.result()


def test_a_version_folder_another_name_and_a_newer_version(model_dir, tmp_path):
    with Server(f"{model_dir}/3/", port=0) as server:
        assert server.served == [("mine", 3)]
    base = tmp_path / "base"
    shutil.copytree(model_dir / "3", base / "9")
    shutil.copytree(model_dir / "3", base / "0010")
    with Server(base, model_name="other", port=0) as server:
        with grpc.insecure_channel(server.address) as channel:
            response = predict(channel, request(name="other"))
            assert response.model_spec.version.value == 10 and response.model_spec.name == "other"


def test_a_taken_port_is_an_error_that_says_so(model_dir):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(ServingError, match=rf"127\.0\.0\.1:{port}: Address already in use.*another port"):
            Server(model_dir, port=port).start()
        with pytest.raises(ServingError, match=rf"127\.0\.0\.1:{port}: Address already in use"):
            Server(model_dir, port=0, rest_port=port).start()
    with Server(model_dir, port=port) as first:  # free again
        with pytest.raises(ServingError, match="Address already in use"):
            Server(model_dir, port=first.port).start()
    with pytest.raises(ServingError, match="cannot listen on no.such.host.invalid:0"):
        Server(model_dir, host="no.such.host.invalid", port=0).start()
    with pytest.raises(ServingError, match="port"):
        Server(model_dir, port=70000)
    with pytest.raises(ServingError, match="workers"):
        Server(model_dir, workers=0)


def test_a_folder_that_fails_to_load_leaves_the_port_free(tmp_path):
    (tmp_path / "mine" / "1").mkdir(parents=True)
    server = Server(tmp_path / "mine", port=0)
    with pytest.raises(ServingError, match=r"mine/1: has no saved_model\.pb"):
        server.start()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", server.port))
        listener.listen()


def test_folders_that_cannot_be_served_are_named(model_dir, tmp_path):
    with pytest.raises(ServingError, match="nowhere: no such folder"):
        Server(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ServingError, match="empty: no version folder"):
        Server(tmp_path / "empty")
    shutil.copytree(model_dir / "3", tmp_path / "flat")
    with pytest.raises(ServingError, match="flat: a SavedModel outside a version folder"):
        Server(tmp_path / "flat")

    def broken(name, change):
        folder = tmp_path / name / "1"
        shutil.copytree(model_dir / "3", folder)
        change(folder)
        with pytest.raises(ServingError, match=f"{name}/1: .*export"):
            Server(folder.parent, port=0).start()

    def truncate(file):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    broken("no_variables", lambda folder: shutil.rmtree(folder / "variables"))
    broken("no_index", lambda folder: (folder / "variables" / "variables.index").unlink())
    broken("short_index", lambda folder: truncate(folder / "variables" / "variables.index"))
    broken("short_variables", lambda folder: truncate(next((folder / "variables").glob("*.data*"))))
    broken("short_graph", lambda folder: truncate(folder / "saved_model.pb"))
    broken("empty_graph", lambda folder: (folder / "saved_model.pb").write_bytes(b""))
