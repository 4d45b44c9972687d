"""The bytes of all requests under way are bounded, and few bytes cannot become many objects."""

import concurrent.futures
import gzip
import json
import pathlib
import re
import socket
import threading
import tracemalloc

import grpc
import numpy as np
import pytest
from served import CODE, eventually, post, predict, refused, request
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.host import grpc_services
from tfbert.serving.host.bytes_in_flight import BytesInFlight
from tfbert.serving.host.server import Server
from tfbert.serving.protocol import json_size, rest_request
from tfbert.serving.protocol.status_codes import StatusError

MEGABYTE = 2**20


def test_bytes_are_given_back_once():
    counter = BytesInFlight(100)
    with counter.request() as held, counter.request() as other:
        held.add(60)
        with pytest.raises(StatusError, match="hold 60 bytes.* needs 50 more; 100 are allowed"):
            other.add(50)
        other.add(40)
        held.keep_only(10)
        assert counter.used == 50
    assert counter.used == 0
    held.add(70)  # a batch that ends after its request
    assert counter.used == 0


def test_many_threads_count_right():
    counter = BytesInFlight(10**9)

    def work():
        for _ in range(300):
            with counter.request() as held:
                held.add(3)
                held.keep_only(7)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.used == 0


BOMBS = {
    "texts": b'{"instances":[' + b'"",' * 700_000 + b'""]}',
    "lists": b'{"instances":[' + b"[]," * 700_000 + b"[]]}",
    "objects": b'{"instances":[' + b"{}," * 700_000 + b"{}]}",
    "members": b'{"inputs":{' + b",".join(b'"%d":0' % number for number in range(300_000)) + b"}}",
    "numbers": b'{"instances":[[' + b"1," * 700_000 + b"1]]}",
    "rows of numbers": b'{"inputs":[' + (b"[" + b"7," * 250_000 + b"7],") * 80 + b"[]]}",
    "nested": b'{"instances":[' + (b"[" * 500 + b"]" * 500 + b",") * 700 + b"[]]}",
    "brackets": b'{"instances":[[' + b"1," * 300_000 + b"]" * 700_000,
    "escaped": b'{"instances":[' + b'"\\\\",' * 1_200_000 + b'""]}',
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_body_of_too_many_values_is_refused_before_it_is_built(body):
    tracemalloc.start()
    try:
        with pytest.raises(StatusError, match="too many values.*--max_rows"):
            json_size.check_values(body, 4096)
        assert tracemalloc.get_traced_memory()[1] < json_size.cost(body)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "given",
    [
        {"instances": ["a [text] {of}: many, 'marks' \"quoted\" \\" * 40] * 4096},
        {"instances": [[7] * 512] * 600},
        {"inputs": {"token_ids": [[700] * 128] * 900, "segment_ids": [[0] * 128] * 900}},
        {"examples": [{name: ["a"] for name in "abcdefghijklmnop"}] * 1000},
        {"instances": ["\U0001f642 \u7684" * 500_000, "a"]},
        {"instances": ['"' * 100_000, "\\" * 100_000]},
        {},
    ],
    ids=range(7),
)
@pytest.mark.parametrize("ascii", [True, False])
def test_what_a_request_may_have_passes_and_costs_what_was_counted(given, ascii):
    body = json.dumps(given, ensure_ascii=ascii).encode()
    json_size.check_values(body, 4096)
    tracemalloc.start()
    try:
        assert rest_request.read_object(body) == given
        assert tracemalloc.get_traced_memory()[1] < json_size.cost(body) + 5 * len(body) + 100_000
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def narrow(model_dir):
    """A server of 8 MB, with a channel."""
    with Server(model_dir, port=0, rest_port=0, workers=1, max_bytes_in_flight=8 * MEGABYTE) as server:
        with grpc.insecure_channel(server.address) as channel:
            yield server, channel


def idle(server):
    core = server._core
    eventually(lambda: core.bytes_in_flight.used == core.bytes_arriving.used == 0)


def test_more_bytes_than_allowed_are_refused_over_grpc(narrow, hold):
    server, channel = narrow
    gate = hold(server)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    first = stub.Predict.future(request({"text": ["x" * 5 * MEGABYTE]}), timeout=30)
    assert gate.reached.wait(20)
    code, details = refused(channel, request({"text": ["x" * 5 * MEGABYTE]}))
    assert code == CODE.RESOURCE_EXHAUSTED and "--max_bytes_in_flight" in details
    small = stub.Predict.future(request({"text": ["a"]}), timeout=30)
    gate.open()
    assert first.result().outputs and small.result().outputs
    assert predict(channel, request({"text": ["x" * 5 * MEGABYTE]})).outputs
    assert re.search(
        rb'code="RESOURCE_EXHAUSTED",method="Predict",model="",protocol="grpc"} 1', server.metrics.render()
    )
    idle(server)


def test_more_bytes_than_allowed_are_refused_over_rest(narrow):
    server, _ = narrow
    for body in (
        b'{"instances":["%s"]}' % (b"x" * 9 * MEGABYTE),
        gzip.compress(b'{"instances":["%s"]}' % (b"x" * 6 * MEGABYTE)),
    ):
        status, answer = post(server, "/mine:predict", body, "gzip" if body[:1] == b"\x1f" else None)
        assert status == 429 and "--max_bytes_in_flight" in answer["error"]
    assert post(server, "/mine:predict", b'{"instances":["a"]}')[0] == 200
    idle(server)


def test_outputs_count(narrow):
    server, channel = narrow
    ids = np.zeros((4096, 4), np.int32)
    assert predict(channel, request({"token_ids": ids}, signature="ids")).outputs
    server._core.bytes_in_flight.limit = 2 * ids.nbytes + 100_000  # enough for message and inputs, not for outputs
    try:
        code, details = refused(channel, request({"token_ids": ids}, signature="ids"))
        assert code == CODE.RESOURCE_EXHAUSTED and "bytes" in details
    finally:
        server._core.bytes_in_flight.limit = 8 * MEGABYTE
    idle(server)


def test_requests_that_arrive_slowly_keep_nobody_out(model_dir, monkeypatch):
    monkeypatch.setattr(grpc_services, "_SLOW_SECONDS", 0.2)
    limits = {"max_bytes_in_flight": 3 * MEGABYTE, "max_message_bytes": MEGABYTE, "receive_seconds": 3}
    with Server(model_dir, port=0, rest_port=0, **limits) as server, grpc.insecure_channel(server.address) as channel:
        ask, never = channel.stream_unary("/tensorflow.serving.PredictionService/Predict"), threading.Event()
        calls = [ask.future(iter(lambda: never.wait(20) or b"", None), timeout=20) for _ in range(6)]
        eventually(lambda: sum(call.done() for call in calls) == 3)
        assert server._core.bytes_arriving.used == 3 * MEGABYTE
        assert predict(channel, request()).outputs
        codes = sorted(call.exception(20).code().name for call in calls)
        never.set()
        assert codes == ["DEADLINE_EXCEEDED"] * 3 + ["RESOURCE_EXHAUSTED"] * 3
        head = b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        slow = [socket.create_connection((server.host, server.rest_port), timeout=10) for _ in range(4)]
        for connection in slow:
            connection.sendall(head + b" " * 900_000)
        eventually(
            lambda: b'code="RESOURCE_EXHAUSTED",method="Predict",model="",protocol="rest"' in server.metrics.render()
        )
        assert post(server, "/mine:predict", b'{"instances":["a"]}')[0] == 200  # small ones are free
        for connection in slow:
            connection.close()
        idle(server)


def test_the_servers_memory_stays_bounded(model_dir):
    """32 clients send bodies of 8 MB and gzip of as much, again and again: the process grows by a few times the limit."""

    def resident():
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1]) // 1024

    good, bomb = b'{"instances":["a"]}', gzip.compress(BOMBS["lists"] * 4)
    large = b'{"instances":["%s"]}' % (b"x" * 8 * MEGABYTE)
    peak, done = [0], threading.Event()
    with Server(model_dir, port=0, rest_port=0, max_bytes_in_flight=64 * MEGABYTE) as server:
        assert post(server, "/mine:predict", good)[0] == 200

        def watch():
            while not done.wait(0.01):
                peak[0] = max(peak[0], resident())

        def attack(number):
            answers = [post(server, "/mine:predict", large)[0]]
            answers.append(post(server, "/mine:predict", bomb, "gzip")[0])
            return answers

        before = resident()
        watcher = threading.Thread(target=watch)
        watcher.start()
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            found = {status for answers in pool.map(attack, range(32)) for status in answers}
        done.set()
        watcher.join()
        assert found <= {200, 400, 429} and 429 in found
        assert peak[0] - before < 6 * 64
        assert post(server, "/mine:predict", good)[0] == 200
        idle(server)


def test_a_limit_must_be_positive(model_dir):
    with pytest.raises(ServingError, match="max_bytes_in_flight=0: at least one"):
        Server(model_dir, port=0, max_bytes_in_flight=0)
    assert Server(model_dir, port=0)._max_bytes_in_flight == 2**30
