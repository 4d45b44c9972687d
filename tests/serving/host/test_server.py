"""The embedded server: starting, stopping, addresses, folders, the program."""

import concurrent.futures
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from served import predict, refused, request
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.client.client import Client
from tfbert.serving.host.server import Server
from tfbert.serving.protocol import rest_response

CODE = grpc.StatusCode


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
def held(model_dir, monkeypatch):
    """A server of one worker whose predictions wait for `release`; counts those that began."""
    with Server(model_dir, port=0, workers=1) as server, grpc.insecure_channel(server.address) as channel:
        release, begun = threading.Event(), []
        servable = server.models.available()[0].servable
        compute = servable.run

        def run_when_released(key, inputs):
            begun.append(inputs)
            assert release.wait(30)
            return compute(key, inputs)

        monkeypatch.setattr(servable, "run", run_when_released)
        first = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict.future(request(), timeout=30)
        while not begun:
            time.sleep(0.01)
        yield server, channel, release, begun, first
        release.set()


def test_a_request_whose_deadline_passes_in_the_queue_is_not_computed(held):
    _, channel, release, begun, first = held
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
    release.set()
    assert first.result().outputs
    assert predict(channel, request()).outputs
    assert len(begun) == 2  # the first and the last


def test_stopping_refuses_new_requests_and_finishes_those_begun(held):
    server, channel, release, _, first = held
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
    release.set()
    assert first.result().outputs
    stopping.join(10)
    assert server.wait(0) and time.monotonic() - started < 5  # an open watch does not hold it up
    server.stop()
    with pytest.raises(ServingError, match="make another"):
        server.start()
    assert refused(channel, request())[0] == CODE.UNAVAILABLE


def test_stopping_gives_up_after_the_grace(held):
    server, _, _, _, first = held
    started = time.monotonic()
    server.stop(0.2)
    assert time.monotonic() - started < 3
    with pytest.raises(grpc.RpcError):
        first.result()


def test_rest_requests_that_do_not_end_are_given_up_after_the_grace(model_dir, monkeypatch):
    server = Server(model_dir, port=0, rest_port=0).start()
    begun, release = threading.Event(), threading.Event()
    monkeypatch.setattr(server.models.available()[0].servable, "run", lambda *_: begun.set() or release.wait(30))
    head = b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n"
    with (
        socket.create_connection((server.host, server.rest_port), timeout=20) as half,
        socket.create_connection((server.host, server.rest_port), timeout=20) as slow,
    ):
        half.sendall(head + b"{")
        slow.sendall(head + b'{"instances":["a"]} ')
        assert begun.wait(20)
        started = time.monotonic()
        server.stop(0.2)
        assert time.monotonic() - started < 5
        release.set()


def test_stopping_waits_until_an_answer_is_written(model_dir, monkeypatch):
    begun, release, write = threading.Event(), threading.Event(), rest_response.predictions

    def write_when_released(outputs, in_rows):
        begun.set()
        assert release.wait(30)
        yield from write(outputs, in_rows)

    monkeypatch.setattr(rest_response, "predictions", write_when_released)
    with Server(model_dir, port=0, rest_port=0) as server, concurrent.futures.ThreadPoolExecutor(2) as pool:
        body = json.dumps({"signature_name": "ids", "instances": [[1, 2, 3, 4]] * 3000}).encode()
        asked = pool.submit(urllib.request.urlopen, f"{server.rest_url}/mine:predict", body, timeout=30)
        assert begun.wait(20)
        stopping = pool.submit(server.stop, 20)
        time.sleep(1)  # longer than answers may take to be sent
        release.set()
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


@pytest.mark.parametrize("ending", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_program_serves_until_a_signal_and_exits_with_0(model_dir, ending):
    command = [sys.executable, "-m", "tfbert.launch.main", "serve", f"--model={model_dir}", "--grpc_port=0"]
    command += ["--rest_port=0", "--log_requests", "--max_batch_size=8", "--version_labels=stable=3"]
    root = pathlib.Path(__file__).parents[3]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("serving mine version 3 on 127.0.0.1:"), process.communicate()
        with Client(line.split()[5], model="mine", timeout=20) as client:
            assert client.predict(["a b"])[0]["logits"] == [3, 2]
            assert client.healthy() and client.status()[0]["state"] == "AVAILABLE"
            assert re.match(r"REST on http://127.0.0.1:\d+/v1/models, metrics", process.stdout.readline())
            assert process.stdout.readline().startswith("this is the development server")
            process.send_signal(ending)
            output, errors = process.communicate(timeout=20)
            assert process.returncode == 0 and "Traceback" not in errors and output == ""
            events = [json.loads(line) for line in errors.splitlines() if line.startswith('{"time"')]
            assert [event["event"] for event in events] == ["loaded", "request", "request", "unloaded"]
            assert events[1]["method"] == "Predict" and "a b" not in errors
            assert not client.healthy()
    finally:
        process.kill()
        process.wait()
