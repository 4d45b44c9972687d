"""Compressed bodies, numbers and paths that are wrong: each gets JSON with TF Serving's status, and no traceback."""

import gzip
import json
import logging
import tracemalloc
import zlib

import pytest
from served import post

from tfbert.serving.host.rest_body import BodyTooLarge, decompress
from tfbert.serving.host.server import Server

GOOD = b'{"instances": ["a b"]}'


def zipped(data):
    """Without the time, which would give the tests other names in each process."""
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", zipped(GOOD)),
        ("GZIP", zipped(GOOD[:5]) + zipped(GOOD[5:])),
        ("deflate", zlib.compress(GOOD)),
        ("deflate", zlib.compress(GOOD, wbits=-15)),
        ("identity", GOOD),
    ],
)
def test_compressed_bodies_are_read(server, encoding, body):
    status, answer = post(server, "/mine:predict", body, encoding)
    assert status == 200 and answer["predictions"][0]["logits"] == [3, 2]


@pytest.mark.parametrize(
    ("encoding", "body", "details"),
    [
        ("gzip", b"no gzip", "not valid gzip"),
        ("gzip", zipped(GOOD)[:-4], "not valid gzip"),
        ("gzip", zipped(GOOD)[:-8] + b"\0" * 8, "not valid gzip"),
        ("gzip", zipped(GOOD) + b"junk", "not valid gzip"),
        ("gzip", b"", "JSON Parse error"),
        ("deflate", b"\x78no deflate", "not valid deflate"),
        ("deflate", zlib.compress(GOOD)[:-4], "not valid deflate"),
        ("deflate", zlib.compress(GOOD) + b"junk", "not valid deflate"),
        ("deflate", b"", "not valid deflate"),
        ("br", b"\x0b\x02\x80{}\x03", "send gzip, deflate or no compression"),
        ("zstd", b"\x28\xb5\x2f\xfd broken", "send gzip, deflate or no compression"),
        ("gzip, gzip", zipped(zipped(GOOD)), "send gzip, deflate or no compression"),
    ],
)
def test_a_body_that_is_not_what_its_encoding_says(server, caplog, encoding, body, details):
    with caplog.at_level(logging.DEBUG):
        status, answer = post(server, "/mine:predict", body, encoding)
    assert status == 400 and details in answer["error"]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_small_body_that_decompresses_to_much_takes_no_memory(encoding, pack):
    body = pack(bytes(100_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge, match="1000000 bytes are allowed"):
            decompress(body, encoding, 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_holds_for_the_decompressed_body(model_dir):
    with Server(model_dir, port=0, rest_port=0, max_message_bytes=1000) as server:
        large = gzip.compress(json.dumps({"instances": ["x" * 2000]}).encode())
        status, answer = post(server, "/mine:predict", large, "gzip")
        assert status == 413 and "larger than the limit when decompressed" in answer["error"]
        assert b'code="RESOURCE_EXHAUSTED"' in server.metrics.render()


@pytest.mark.parametrize(
    ("path", "body", "status", "details"),
    [
        ("/mine%0a:predict", GOOD, 400, "Malformed request"),
        ("/mine/labels/stable%0a:predict", GOOD, 400, "Malformed request"),
        ("/mine/versions/%D9%A3:predict", GOOD, 400, "Malformed request"),  # an Arabic 3
        ("/mine/ver%C5%BFions/3:predict", GOOD, 400, "Malformed request"),  # a long s
        ("/mine:predict", b'{"instances": [[1, 2, 3, 1e400]], "signature_name": "ids"}', 400, "too big to be stored"),
        ("/mine:predict", '{"instances": ["a"]}'.encode("utf-16"), 400, "not UTF-8"),
    ],
)  # fmt: skip
def test_paths_and_numbers_that_python_reads_and_tf_serving_does_not(server, path, body, status, details):
    answered = post(server, path, body)
    assert answered[0] == status and details in answered[1]["error"]


def test_an_error_of_the_server_is_json_and_logged_without_texts(server, caplog, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("a secret text")

    monkeypatch.setattr("tfbert.serving.protocol.rest_request.predict_inputs", fail)
    status, answer = post(server, "/mine:predict", GOOD)
    assert (status, answer) == (500, {"error": "the server failed with RuntimeError"})
    (record,) = [each for each in caplog.records if getattr(each, "event", "") == "request_failed"]
    assert record.type == "RuntimeError" and "secret" not in caplog.text and not record.exc_info
