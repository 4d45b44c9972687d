"""TF Serving's REST API, asked with HTTP."""

import base64
import collections
import concurrent.futures
import json
import re
import socket
import threading
import urllib.error
import urllib.request

import pytest
from served import CODE, eventually, refused, request, strings

from tfbert.serving.host.server import Server
from tfbert.serving.protocol import rest_response


def ask(server, path, body=None):
    """(status, JSON) of a GET, or a POST of `body`."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"{server.rest_url}{path}", body, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_predict_by_rows_and_by_columns(server):
    status, answer = ask(server, "/mine:predict", {"instances": ["a b"]})
    (whole,) = answer["predictions"]
    assert status == 200 and (whole["label"], whole["logits"]) == ("bytes", [3, 2])
    assert whole["probabilities"] == pytest.approx([0.73105858, 0.26894142])  # processors differ in the last digit
    assert ask(server, "/mine/versions/3:predict", {"instances": [{"text": "a b"}]}) == (200, {"predictions": [whole]})
    columns = {name: [value] for name, value in whole.items()}
    assert ask(server, "/mine:predict", {"inputs": {"text": ["a b"]}}) == (200, {"outputs": columns})
    assert ask(server, "/mine:predict", {"inputs": ["a b"]}) == (200, {"outputs": columns})
    pair = {"signature_name": "pair", "instances": [{"text": "a", "text_pair": " b c"}, {"text": "", "text_pair": ""}]}
    status, answer = ask(server, "/mine:predict", pair)
    assert status == 200 and [row["logits"] for row in answer["predictions"]] == [[5, 3], [0, 0]]
    ids = {"signature_name": "ids", "instances": [[1, 2, 3, 4]]}
    assert ask(server, "/mine:predict", ids)[1]["predictions"][0]["token_ids"] == [1, 2, 3, 4]


def test_base64_and_any_text(server):
    packed = {"b64": base64.b64encode(b"\xff\xfe \x00").decode()}
    for text, size in ((packed, 4), ("\u0253 \u7684 \U0001f642", 11), ("\ud83d", 3), ("", 0), ("x" * 300_000, 300_000)):
        status, answer = ask(server, "/mine:predict", {"instances": [text]})
        assert status == 200 and answer["predictions"][0]["logits"][0] == size


@pytest.mark.parametrize("content", [b"\xae\xcd*\xd2", bytes(range(1, 256)), b"\xff" * 5000])
def test_bytes_that_the_graph_refuses(server, channel, content):
    """TensorFlow quotes them in its error, which Python cannot decode."""
    body = {"signature_name": "regress", "instances": [{"b64": base64.b64encode(content).decode()}]}
    status, answer = ask(server, "/mine:predict", body)
    assert status == 400 and "refuses the values" in answer["error"]
    code, details = refused(channel, request({"inputs": strings([content])}, signature="regress"))
    assert code == CODE.INVALID_ARGUMENT and "refuses the values" in details


def test_classify_and_regress(server):
    body = {"signature_name": "classify", "examples": [{"text": "a b"}, {"text": {"b64": "YWJj"}}]}
    results = [[["bytes", 3.0], ["words", 2.0]], [["bytes", 3.0], ["words", 1.0]]]
    assert ask(server, "/mine:classify", body) == (200, {"results": results})
    body = {"signature_name": "regress", "context": {"text": "a b"}, "examples": [{}, {"text": "c"}]}
    assert ask(server, "/mine:regress", body) == (200, {"results": [2.0, 1.0]})


def test_status_and_metadata(server):
    (version,) = ask(server, "/mine")[1]["model_version_status"]
    assert version == {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert ask(server, "/mine/versions/3") == ask(server, "/mine")
    status, answer = ask(server, "/mine/metadata")
    assert status == 200 and answer["model_spec"]["version"] == "3"
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures["pair"]["inputs"]["text"]["dtype"] == "DT_STRING"
    assert signatures["pair"]["inputs"]["text"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


def test_labels(model_dir):
    with Server(model_dir, port=0, rest_port=0, labels=[("stable", 3)]) as server:
        assert ask(server, "/mine/labels/stable:predict", {"instances": ["a"]})[0] == 200
        status, answer = ask(server, "/mine/labels/new:predict", {"instances": ["a"]})
        assert (status, answer) == (400, {"error": "Unrecognized servable version label: new"})


@pytest.mark.parametrize(
    ("path", "body", "status", "details"),
    [
        ("/other:predict", {"instances": ["a"]}, 404, "Servable not found for request: Latest(other)"),
        ("/mine/versions/9:predict", {"instances": ["a"]}, 404, "Specific(mine, 9)"),
        ("/mine/versions/99999999999999999999:predict", {"instances": ["a"]}, 400, "Failed to convert version"),
        ("/mine:train", {"instances": ["a"]}, 400, "Malformed request: POST /v1/models/mine:train"),
        ("/mine", {}, 400, "Malformed request: POST"),
        ("/mine:predict", None, 400, "Malformed request: GET"),
        ("/", None, 400, "Malformed request: GET"),
        ("/other", None, 404, "Could not find any versions of model other"),
        ("/mine:predict", b"", 400, "JSON Parse error"),
        ("/mine:predict", b"[1]", 400, "must be an object"),
        ("/mine:predict", b'{"instances": ["a"', 400, "JSON Parse error"),
        ("/mine:predict", b'{"instances": ["\xff"]}', 400, "not UTF-8"),
        ("/mine:predict", b'{"instances":' + b"[" * 100_000, 400, "nested too deep"),
        ("/mine:predict", {}, 400, "Missing 'inputs' or 'instances' key"),
        ("/mine:predict", {"instances": ["a"], "inputs": ["a"]}, 400, "Not expecting both"),
        ("/mine:predict", {"instances": []}, 400, "non-empty array"),
        ("/mine:predict", {"instances": "a"}, 400, "non-empty array"),
        ("/mine:predict", {"instances": [1]}, 400, "input 'text': every value must be a string"),
        ("/mine:predict", {"instances": [None]}, 400, "every value must be a string"),
        ("/mine:predict", {"instances": [{"b64": "%"}]}, 400, "holds no base64"),
        ("/mine:predict", {"instances": ["a", ["b"]]}, 400, "every value must be a string"),
        ("/mine:predict", {"instances": [["a"], ["b", "c"]]}, 400, "unexpected size"),
        ("/mine:predict", {"instances": [{"text": "a"}, {"txt": "b"}]}, 400, "the same names"),
        ("/mine:predict", {"instances": [{"text": "a"}, "b"]}, 400, "the same names"),
        ("/mine:predict", {"instances": [{"txt": "a"}]}, 400, "1 names are no inputs"),
        ("/mine:predict", {"instances": ["a"], "signature_name": "pair"}, 400, "takes several inputs"),
        ("/mine:predict", {"instances": [{"text": "a"}], "signature_name": "pair"}, 400, "Missing but required"),
        ("/mine:predict", {"instances": ["a"], "signature_name": "x"}, 400, "not found in signature def"),
        ("/mine:predict", {"instances": ["a"], "signature_name": 1}, 400, "must be a string value"),
        ("/mine:predict", {"instances": [[1.5, 2, 3, 4]], "signature_name": "ids"}, 400, "must be int32"),
        ("/mine:predict", {"instances": [[True, 2, 3, 4]], "signature_name": "ids"}, 400, "must be int32"),
        ("/mine:predict", {"instances": [[2**40, 2, 3, 4]], "signature_name": "ids"}, 400, "does not fit into int32"),
        ("/mine:predict", {"instances": ["a"], "signature_name": "total"}, 400, "one row for each"),
        ("/mine:classify", {"examples": []}, 400, "Expecting 'examples'"),
        ("/mine:classify", {"examples": ["a"], "signature_name": "classify"}, 400, "an object of features"),
        ("/mine:classify", {"examples": [{"n": 2**63}], "signature_name": "classify"}, 400, "does not fit into int64"),
        ("/mine:regress", {"examples": [{"text": [{}]}], "signature_name": "regress"}, 400, "must be a string"),
    ],
)  # fmt: skip
def test_errors_are_json_with_tf_servings_status(server, path, body, status, details):
    answered = ask(server, path, body)
    assert answered[0] == status and list(answered[1]) == ["error"] and details in answered[1]["error"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/models/mine", "/openapi.yaml", "/%0a"])
def test_what_is_not_below_v1_is_not_found(server, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(server.rest_url.removesuffix("/v1/models") + path, timeout=20)
    assert caught.value.code == 404 and json.load(caught.value).keys() == {"error"}


def test_too_much_and_too_slow(model_dir):
    with Server(model_dir, port=0, rest_port=0, max_message_bytes=1000, receive_seconds=0.3) as server:
        status, answer = ask(server, "/mine:predict", {"instances": ["x" * 2000]})
        assert status == 413 and "larger than the limit" in answer["error"]
        with socket.create_connection((server.host, server.rest_port), timeout=10) as slow:
            slow.sendall(b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{")
            answered = slow.recv(4096)
            assert answered.startswith(b"HTTP/1.1 408") and b"did not arrive in time" in answered
        assert ask(server, "/mine:predict", {"instances": ["a"]})[0] == 200
        assert requests_by_code(server) == {"RESOURCE_EXHAUSTED": 1, "DEADLINE_EXCEEDED": 1, "OK": 1}


@pytest.mark.parametrize("first", [b"", b"GET /v1/models/mine HTTP/1.1\r\nHost: x\r\n\r\n"])
@pytest.mark.parametrize("begun", [b"", b"POST /v1/models/mine:predict HTTP/1.1\r\nContent-Le"])
def test_a_connection_whose_headers_do_not_arrive_is_closed(model_dir, first, begun):
    with Server(model_dir, port=0, rest_port=0, receive_seconds=0.5) as server:
        with socket.create_connection((server.host, server.rest_port), timeout=10) as slow:
            slow.sendall(first)
            assert not first or slow.recv(4096).startswith(b"HTTP/1.1 200")
            slow.sendall(begun)
            while slow.recv(4096):  # the first one's body
                pass


def test_what_cannot_be_read_is_counted_once(model_dir):
    with Server(model_dir, port=0, rest_port=0) as server:
        for path, body, status in (
            ("/mine:predict", b"{", 400),
            ("/mine:predict", {"instances": [{"wrong": 1}]}, 400),
            ("/mine:regress", {"examples": 1}, 400),
            ("/none:predict", {"instances": ["a"]}, 404),
            ("/none:classify", {"examples": [{"text": "a"}]}, 404),  # refused by the core
            ("/mine:predict", {"instances": ["a"]}, 200),
        ):
            assert ask(server, path, body)[0] == status
        assert requests_by_code(server) == {"INVALID_ARGUMENT": 3, "NOT_FOUND": 2, "OK": 1}


def test_a_large_answer_is_written_aside(server, monkeypatch):
    threads, write = [], rest_response.predictions

    def noted(outputs, in_rows):
        threads.append(threading.current_thread().name)
        yield from write(outputs, in_rows)

    monkeypatch.setattr(rest_response, "predictions", noted)
    for count in (3, 3000):
        body = {"signature_name": "ids", "instances": [[1, 2, 3, number] for number in range(count)]}
        answer = ask(server, "/mine:predict", body)[1]["predictions"]
        assert [row["token_ids"] for row in answer] == body["instances"]
    assert threads[0] == "tfbert-event-loop" != threads[1]


def requests_by_code(server):
    found = collections.Counter()
    for code, count in re.findall(
        rb'^tfbert_serving_requests_total\{code="(\w+)".*\} (\S+)$', server.metrics.render(), re.MULTILINE
    ):
        found[code.decode()] += int(float(count))
    return found


def test_a_client_that_goes_away_has_its_request_cancelled(model_dir, hold):
    with Server(model_dir, port=0, rest_port=0, workers=1) as server:
        held = hold(server)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(ask, server, "/mine:predict", {"instances": ["first"]})
            assert held.reached.wait(30)
            body = b'{"instances": ["gone"]}'
            head = b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            with socket.create_connection((server.host, server.rest_port), timeout=10) as gone:
                gone.sendall(head + body)
                eventually(lambda: b"requests_in_flight 2.0" in server.metrics.render())
            eventually(lambda: b"requests_in_flight 1.0" in server.metrics.render())
            held.open()
            assert first.result()[0] == 200
        assert ask(server, "/mine:predict", {"instances": ["last"]})[0] == 200
        assert [list(inputs["text"]) for _, inputs in held.inputs] == [[b"first"], [b"last"]]
