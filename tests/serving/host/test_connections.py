"""Connections: their number, how long they may be idle, slow or old, and what happens when descriptors run out."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import socket
import threading
import time

import grpc
import pytest
from attackers import (
    HTTP1,
    HTTP2,
    OWN_CHANNEL,
    connections,
    frame,
    good_clients,
    is_closed,
    new_client_is_answered,
    seconds_until_closed,
    without_checks,
)
from served import eventually, post, predict, request

from tfbert.errors import ServingError
from tfbert.serving.host.connections import ConnectionLimits, allowed_connections
from tfbert.serving.host.server import Server
from tfbert.serving.host.tls import Tls

BODY = json.dumps({"instances": ["a b"]}).encode()


def addresses(server):
    return (server.host, server.port), (server.host, server.rest_port)


HEADERS_FRAME = HTTP2 + frame(1, 4, 1, length=4000)
# A call of Predict whose message never ends; the headers are literal, without Huffman coding.
_NAMES = [":method", ":scheme", ":path", ":authority", "content-type", "te"]
_VALUES = [
    "POST",
    "http",
    "/tensorflow.serving.PredictionService/Predict",
    "x",
    "application/grpc",
    "trailers",
]
_BLOCK = b"".join(
    b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    for name, value in zip(_NAMES, _VALUES, strict=True)
)
CALL = HTTP2 + frame(1, 4, 1, _BLOCK)
DATA_FRAME = CALL + frame(0, 0, 1, b"\x00\x00\x00\x10\x00", length=5000)


GRPC_WAITS = [(b"", b""), (HTTP2[:10], b""), (HTTP2, b""), (HEADERS_FRAME, b"\x00"), (CALL, b""), (DATA_FRAME, b"x")]
REST_WAITS = [
    (b"", b""),
    (b"GET /", b"x"),
    (HTTP1, b""),
    (HTTP1 + b"X: ", b"x"),
    (HTTP1 + b"Content-Length: 1000\r\n\r\n", b""),
    (HTTP1 + b"Content-Length: 100000\r\n\r\n", b"x"),
    (HTTP1 + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    (HTTP1 + b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"X: y\r\n"),
]


def test_a_connection_that_keeps_the_server_waiting_is_closed(strict):
    grpc_address, rest_address = addresses(strict)
    waits = [(grpc_address, *each) for each in GRPC_WAITS] + [(rest_address, *each) for each in REST_WAITS]
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(len(waits)) as pool:
        closed = [
            pool.submit(seconds_until_closed, stack.enter_context(connections(address, 4, first)), 6, trickle)
            for address, first, trickle in waits
        ]
        assert all(0.5 < each.result() for each in closed)


@pytest.mark.slow
def test_a_client_that_does_not_read_its_answers_is_disconnected(model_dir, monkeypatch):
    monkeypatch.setattr("tfbert.serving.host.rest_connections._SLOWEST_BYTES_PER_SECOND", 2**30)
    body = json.dumps({"signature_name": "ids", "instances": [[1, 2, 3, 4]] * 4000}).encode()
    with Server(model_dir, port=0, rest_port=0, receive_seconds=0.5) as server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(addresses(server)[1])
            client.sendall((HTTP1 + b"Content-Length: %d\r\n\r\n" % len(body) + body) * 40)
            held = server._rest._connections
            eventually(lambda: len(held._open) == 1, 5)
            eventually(lambda: not held._open, 20)
        assert post(server, "/mine:predict", BODY)[0] == 200


def test_rest_at_its_limit_closes_the_connection_that_has_waited_longest(strict):
    with contextlib.closing(http.client.HTTPConnection(*addresses(strict)[1], timeout=10)) as known:
        with connections(addresses(strict)[1], 100) as opened:
            eventually(lambda: is_closed(opened[0]), 5)
            known.request("POST", "/v1/models/mine:predict", BODY)  # the newest of 101
            assert known.getresponse().read()
            with connections(addresses(strict)[1], 60) as more:
                eventually(lambda: all(map(is_closed, opened[:61])), 5)
                assert not any(map(is_closed, more))
                known.request("POST", "/v1/models/mine:predict", BODY)
                assert json.load(known.getresponse())["predictions"][0]["logits"] == [3, 2]


def test_rest_refuses_when_all_connections_have_requests(strict, hold):
    held, ask = hold(strict), HTTP1 + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with connections(addresses(strict)[1], 100, ask) as busy:
        eventually(lambda: b"requests_in_flight 100.0" in strict.metrics.render())
        with connections(addresses(strict)[1], 2, ask) as refused:
            seconds_until_closed(refused, 5)
        assert not any(map(is_closed, busy))
        held.open()
        for each in busy:
            assert b"200 OK" in each.recv(2**16)
    assert post(strict, "/mine:predict", BODY)[0] == 200


def test_grpc_refuses_over_its_limit_and_recovers(strict):
    with good_clients(strict, 2) as (answers, errors):
        eventually(lambda: len(answers) > 10)
        with connections((strict.host, strict.port), 140, HTTP2[:10]) as opened:
            eventually(lambda: sum(map(is_closed, opened)) >= 40, 5)
            begun = len(answers)
            eventually(lambda: len(answers) > begun + 10)
        eventually(lambda: new_client_is_answered(strict.address), 20)
    assert not errors and all(answers)


def test_no_call_is_lost_when_connections_reach_their_age(model_dir):
    limits = {"connection_age_seconds": 0.3, "connection_idle_seconds": 0.05}
    with Server(model_dir, port=0, rest_port=0, **limits) as server, good_clients(server, 4) as (answers, errors):
        ports, end = set(), time.monotonic() + 1.5
        with contextlib.closing(http.client.HTTPConnection(*addresses(server)[1], timeout=10)) as rest:
            while time.monotonic() < end:
                rest.request("POST", "/v1/models/mine:predict", BODY)
                ports.add(rest.sock.getsockname()[1])
                assert json.load(rest.getresponse())["predictions"][0]["logits"] == [3, 2]
                time.sleep(0.01)
        with grpc.insecure_channel(server.address, OWN_CHANNEL) as channel:
            for pause in (0.045, 0.05, 0.055) * 8:  # around the moment at which the server closes
                time.sleep(pause)
                predict(channel, request(), timeout=10)
    assert not errors and all(answers) and len(answers) > 100
    assert 2 < len(ports) < 10


def test_stopping_with_idle_and_slow_clients_takes_the_grace_and_a_second(model_dir, hold):
    server = Server(model_dir, port=0, rest_port=0).start()
    held, half = hold(server), HTTP1 + b"Content-Length: 20\r\n\r\n{"
    with contextlib.ExitStack() as stack:
        grpc_address, rest_address = addresses(server)
        opened = [
            *stack.enter_context(connections(rest_address, 60)),
            *stack.enter_context(connections(rest_address, 40, half)),
            *stack.enter_context(connections(rest_address, 5, half + b'"instances":["a"]} ')),
            *stack.enter_context(connections(grpc_address, 50)),
            *stack.enter_context(connections(grpc_address, 25, HTTP2)),
            *stack.enter_context(connections(grpc_address, 25, DATA_FRAME)),
        ]
        assert held.reached.wait(20)
        begun = time.monotonic()
        stopping = threading.Thread(target=server.stop, args=(1,))
        stopping.start()
        seconds_until_closed(opened, 10)
        assert time.monotonic() - begun < 2.5
        held.open()  # what TensorFlow computes ends in its own time
        stopping.join(10)
        assert server.wait(0)


@pytest.mark.slow
def test_tls_handshakes_that_do_not_end_are_closed_and_make_room(model_dir, certificates):
    tls = Tls(str(certificates / "server.crt"), str(certificates / "server.key"))
    with Server(model_dir, port=0, rest_port=0, tls=tls, receive_seconds=1.0, max_connections=20) as server:
        with connections(addresses(server)[1], 30) as silent, connections(addresses(server)[1], 10, b"GET /") as wrong:
            eventually(lambda: all(map(is_closed, silent[:10])), 5)
            good = http.client.HTTPSConnection(*addresses(server)[1], timeout=10, context=without_checks())
            with contextlib.closing(good):
                good.request("POST", "/v1/models/mine:predict", BODY)
                assert json.load(good.getresponse())["predictions"][0]["logits"] == [3, 2]
            seconds_until_closed([*silent, *wrong], 5)
        with connections(addresses(server)[0], 5) as silent:
            seconds_until_closed(silent, 5)


def test_the_default_follows_the_limit_of_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/dev/fd"))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 264, hard))
        assert 95 <= allowed_connections(None, 2) <= 101
        assert 190 <= allowed_connections(None, 1) <= 202
        assert allowed_connections(50, 2) == 50
        with pytest.raises(ServingError, match="max_connections=150: .*ulimit -n"):
            allowed_connections(150, 2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
        assert allowed_connections(None, 2) == 8
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_options_of_grpc():
    options = dict(ConnectionLimits(7, 30, 0, 0).grpc_options())
    assert options["grpc.max_allowed_incoming_connections"] == 7
    assert options["grpc.max_connection_idle_ms"] == options["grpc.max_connection_age_ms"] == 2**31 - 1
    assert dict(ConnectionLimits(7, 30, 1e9, 0.0001).grpc_options())["grpc.max_connection_age_ms"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1], ids=["grpc", "rest"])
def test_200_slow_clients_are_dropped_while_good_ones_are_answered(model_dir, which):
    limits = {"receive_seconds": 3.0, "connection_idle_seconds": 3.0}
    firsts = (
        [HTTP2, HEADERS_FRAME, DATA_FRAME] if which == 0 else [HTTP1 + b"X: ", HTTP1 + b"Content-Length: 9999\r\n\r\n"]
    )
    with Server(model_dir, port=0, rest_port=0, **limits) as server, good_clients(server, 4) as (answers, errors):
        with contextlib.ExitStack() as stack:
            address, count = addresses(server)[which], 200 // len(firsts)
            opened = [each for first in firsts for each in stack.enter_context(connections(address, count, first))]
            begun = len(answers)
            assert 2.5 < seconds_until_closed(opened, 12, b"x")
            assert len(answers) > begun + 100
    assert not errors and all(answers)


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack",
    [
        HTTP2
        + b"".join(frame(1, 4, number, _BLOCK) + frame(3, 0, number, b"\0\0\0\x08") for number in range(1, 4001, 2)),
        HTTP2 + b"".join(frame(1, 4, number, _BLOCK) for number in range(1, 4001, 2)),
        HTTP2 + frame(1, 0, 1, _BLOCK) + frame(9, 0, 1, b"\x40\x01a\x7f\x81\x3f" + b"b" * 8000) * 200,
        HTTP2 + frame(6, 0, 0, b"12345678") * 20000,
    ],
    ids=["reset", "open", "headers", "ping"],
)
def test_floods_of_http2_frames_cost_no_answer(model_dir, attack):
    with Server(model_dir, port=0, receive_seconds=10.0) as server, good_clients(server, 2) as (answers, errors):
        for _ in range(3):
            begun = len(answers)
            with connections((server.host, server.port), 10, attack):
                eventually(lambda begun=begun: len(answers) > begun + 50, 20)
    assert not errors and all(answers)
