"""Whatever is sent gets a proper status, and the next good request its right answer."""

import json
import pathlib
import random
import socket
import threading
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from served import CHANNEL_OPTIONS, predict, request, strings
from tensorflow.core.framework import tensor_pb2

from tfbert.serving.host.server import Server

SERVICES = {
    "tensorflow.serving.PredictionService": ["Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"],
    "tensorflow.serving.ModelService": ["GetModelStatus", "HandleReloadConfigRequest"],
    "grpc.health.v1.Health": ["Check"],
}
METHODS = [f"/{service}/{method}" for service, methods in SERVICES.items() for method in methods]
PREDICT = METHODS[0]
# What a client's mistake may be answered with; a server's own failure is another code.
CODES = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,  # a message over the limit
    grpc.StatusCode.UNIMPLEMENTED,  # a method that does not exist
    grpc.StatusCode.DEADLINE_EXCEEDED,  # a client that does not send
}
BROKEN_TEXTS = [
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"a\x00b",
    b"\xc3",
    b"\x80" * 1000,
    "\ufffe\u202e".encode(),
]


class Fuzzer:
    """Sends malformed requests of every kind; each returns None when it was answered as it should be."""

    def __init__(self, server, channel, seed):
        self._server, self._channel, self._choice = server, channel, random.Random(seed)
        self.kinds = [
            self.random_bytes,
            self.truncated,
            self.flipped,
            self.wrong_name,
            self.wrong_dtype,
            self.wrong_shape,
            self.wrong_count,
            self.huge_text,
            self.broken_text,
            self.no_message,
            self.two_messages,
            self.unknown_method,
            self.rest,
            self.raw_connection,
        ]

    def run(self, count):
        for number in range(count):
            kind = self.kinds[number % len(self.kinds)]
            assert (problem := kind()) is None, (kind.__name__, number, problem)
            if number % 10 == 0:
                self.good()

    def good(self):
        """The next good request is right."""
        response = predict(self._channel, request({"text": ["a b", "abc"]}))
        assert list(response.outputs["logits"].float_val) == [3, 2, 3, 1]

    def random_bytes(self):
        size = self._choice.choice([1, 2, 10, 100, 5000])
        # Some bytes are a request of unknown fields alone, or of none: "Missing ModelSpec".
        return self._refused(
            self._choice.choice(METHODS[:-1]), [self._choice.randbytes(size)], {grpc.StatusCode.INTERNAL}
        )

    def truncated(self):
        data = request({"text": ["some words"] * 3}).SerializeToString()
        return self._refused(PREDICT, [data[: self._choice.randrange(len(data))]], {grpc.StatusCode.INTERNAL})

    def flipped(self):
        data = bytearray(request({"text": ["some words"]}).SerializeToString())
        data[self._choice.randrange(len(data))] ^= 1 << self._choice.randrange(8)
        # A bit of the text itself leaves a good request.
        return self._told(PREDICT, [bytes(data)], {grpc.StatusCode.OK, grpc.StatusCode.INTERNAL})

    def wrong_name(self):
        name = self._choice.choice(["", "x", "MINE", "mine/3", "../mine", "\x00", "n" * 10_000, "\U0001f642"])
        which = self._choice.choice(["name", "signature", "input", "output_filter", "version_label"])
        message = request(
            {name if which == "input" else "text": ["a"]},
            name=name if which == "name" else "mine",
            signature=name or "x" if which == "signature" else "",
            output_filter=[name] if which == "output_filter" else [],
            **({"version_label": name} if which == "version_label" else {}),
        )
        return self._refused(PREDICT, [message.SerializeToString()])

    def wrong_dtype(self):
        dtypes = [tf.float32, tf.int32, tf.int64, tf.bool, tf.half, tf.complex64, tf.uint8]
        proto = tf.make_tensor_proto(np.ones([2]), self._choice.choice(dtypes))
        if self._choice.random() < 0.3:
            proto.dtype = self._choice.choice([0, 20, 21, 107, 999, -5])  # variant, resource, a reference, none
        return self._predict_refused({"text": proto})

    def wrong_shape(self):
        shapes = [[], [1, 1], [0, 3], [-1], [2**62], [2**31, 2**31, 2**31], [1] * 300]
        shape = self._choice.choice(shapes)
        proto = strings([b"a"] * (1 if shape in ([], [1, 1]) else 2), shape)
        proto.tensor_shape.unknown_rank = self._choice.random() < 0.2
        return self._predict_refused({"text": proto})

    def wrong_count(self):
        proto = strings([b"a"] * self._choice.randrange(1, 5), [self._choice.randrange(5, 9)])
        if self._choice.random() < 0.5:
            proto = tensor_pb2.TensorProto(dtype=7, tensor_content=self._choice.randbytes(9))
            proto.tensor_shape.dim.add(size=self._choice.choice([3, 2**40]))
        return self._predict_refused({"text": proto})

    def huge_text(self):
        data = request({"text": ["x" * (self._server_limit() + 1)]}).SerializeToString()
        return self._refused(PREDICT, [data])

    def broken_text(self):
        """Bytes that are no UTF-8 are a good request."""
        texts = [self._choice.choice(BROKEN_TEXTS) for _ in range(3)]
        response = predict(self._channel, request({"text": strings(texts)}))
        lengths = tf.make_ndarray(response.outputs["logits"])[:, 0].tolist()
        return None if lengths == [len(text) for text in texts] else lengths

    def no_message(self):
        return self._refused(self._choice.choice(METHODS[:-1]), [], {grpc.StatusCode.INTERNAL})

    def two_messages(self):
        # The second one is not read, as in gRPC's C++ servers.
        return self._told(PREDICT, [request().SerializeToString(), b"\xff" * 9], {grpc.StatusCode.OK})

    def unknown_method(self):
        path = self._choice.choice(["/", "/x", "/tensorflow.serving.PredictionService/Train", "/a/b/c"])
        return self._refused(path, [b""])

    def rest(self):
        bodies = [b"", b"{", b"\xff", b"[]", b'{"instances": 1}', b'{"instances": [{}]}', self._choice.randbytes(50)]
        bodies += [b"[" * 5000, json.dumps({"instances": [{"text": 1}] * 3}).encode(), b'{"inputs": {"text": [[]]}}']
        path = self._choice.choice(["/mine:predict", "/mine:classify", "/mine:x", "/%00:predict", "/mine/versions/x"])
        try:
            with urllib.request.urlopen(f"{self._server.rest_url}{path}", self._choice.choice(bodies), timeout=20) as a:
                return a.status
        except urllib.error.HTTPError as error:
            return None if error.code in (400, 404) and json.load(error)["error"] else error.code

    def raw_connection(self):
        """Connections that speak no HTTP, end in the middle, or are left open for a while."""
        port = self._choice.choice([self._server.port, self._server.rest_port])
        first = self._choice.choice(
            [b"", b"GET", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", self._choice.randbytes(300)]
        )
        with socket.create_connection((self._server.host, port), timeout=10) as connection:
            if first.startswith(b"PRI"):
                # SETTINGS, then HEADERS of a stream that never ends or a frame larger than allowed
                first += b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + self._choice.choice(
                    [b"\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82", b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"]
                )
            connection.sendall(first)
            if self._choice.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
        return None

    def _server_limit(self):
        return self._server._max_message_bytes

    def _predict_refused(self, inputs):
        return self._refused(PREDICT, [request(inputs).SerializeToString()])

    def _refused(self, path, messages, also=frozenset()):
        return self._told(path, messages, also)

    def _told(self, path, messages, also):
        """None where the call ends with a code that it may end with, and words where it is an error."""
        call = self._channel.stream_unary(path)
        try:
            call(iter(messages), timeout=20)
            return None if grpc.StatusCode.OK in also or path == METHODS[-1] or "Health" in path else "it was answered"
        except grpc.RpcError as error:
            return None if error.code() in CODES | also and (error.details() or "Health" in path) else error


def open_slow_calls(channel, count):
    """Calls that have begun and send nothing until the event is set."""
    ended = threading.Event()

    def nothing():
        ended.wait(60)
        return
        yield

    calls = [channel.stream_unary(PREDICT).future(nothing(), timeout=60) for _ in range(count)]
    return calls, ended


@pytest.fixture(scope="module")
def fuzzed(model_dir):
    """A server with a low limit of message sizes, so that a message over it is quickly made."""
    with Server(model_dir, port=0, rest_port=0, workers=2, max_message_bytes=2**20, receive_seconds=5) as server:
        yield server


@pytest.mark.parametrize("count", [280, pytest.param(10_000, marks=pytest.mark.slow)])
def test_each_malformed_request_gets_a_status_and_the_next_good_one_is_right(fuzzed, count):
    with grpc.insecure_channel(fuzzed.address, CHANNEL_OPTIONS) as slow_channel:
        slow, ended = open_slow_calls(slow_channel, 20)  # they do not keep others from being answered
        with grpc.insecure_channel(fuzzed.address, CHANNEL_OPTIONS) as channel:
            fuzzer = Fuzzer(fuzzed, channel, seed=count)
            fuzzer.run(count)
            fuzzer.good()
        ended.set()
        for call in slow:
            assert call.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert b"tfbert_serving_requests_in_flight 0.0" in fuzzed.metrics.render()
    descriptors = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    assert descriptors < 500  # connections that clients left are closed
