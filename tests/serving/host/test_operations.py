"""Limits, TLS, metrics, the log, reflection and what the program says."""

import concurrent.futures
import json
import logging
import shutil
import ssl
import subprocess
import sys
import threading
import time
import urllib.request

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from served import predict, refused, request
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.client.client import Client, RequestError
from tfbert.serving.host.request_log import JsonFormatter
from tfbert.serving.host.server import Server
from tfbert.serving.host.tls import Tls

CODE = grpc.StatusCode


def test_more_than_may_be_under_way_is_resource_exhausted(model_dir, monkeypatch):
    with Server(model_dir, port=0, max_concurrent=3) as server, grpc.insecure_channel(server.address) as channel:
        servable, release = server.models.available()[0].servable, threading.Event()
        compute = servable.run
        monkeypatch.setattr(servable, "run", lambda key, inputs: release.wait(30) and compute(key, inputs))
        ask = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        first = [ask.future(request(), timeout=30) for _ in range(3)]
        while b"requests_in_flight 3.0" not in server.metrics.render():
            time.sleep(0.01)
        code, details = refused(channel, request())
        assert code == CODE.RESOURCE_EXHAUSTED and details.startswith("3 requests are under way")
        release.set()
        assert all(each.result().outputs for each in first)
        assert predict(channel, request()).outputs


def test_a_request_that_does_not_arrive_ends(model_dir):
    with Server(model_dir, port=0, receive_seconds=0.3) as server, grpc.insecure_channel(server.address) as channel:
        ask = channel.stream_unary("/tensorflow.serving.PredictionService/Predict")
        forever = threading.Event()

        def nothing():
            forever.wait(20)
            yield b""

        with pytest.raises(grpc.RpcError) as caught:
            ask(nothing(), timeout=20)
        assert caught.value.code() == CODE.DEADLINE_EXCEEDED and "no request arrived" in caught.value.details()
        forever.set()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and by it a certificate for localhost and one for a client."""
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificates with openssl")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    key = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=tests")
    for name in ("server", "client"):
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", f"{name}.crt", "-days", "2", "-extfile", "names"),
        )
    return folder


def test_tls_for_both_protocols_and_for_known_clients_only(model_dir, certificates):
    files = {name: str(certificates / name) for name in ("server.crt", "server.key", "ca.crt")}
    authority = (certificates / "ca.crt").read_bytes()
    known = {
        "certificate": (certificates / "client.crt").read_bytes(),
        "key": (certificates / "client.key").read_bytes(),
    }
    with Server(model_dir, port=0, rest_port=0, tls=Tls(files["server.crt"], files["server.key"])) as server:
        with Client(server.address, model="mine", root_certificates=authority) as client:
            assert client.predict(["a b"])[0]["logits"] == [3, 2]
        with Client(server.address, model="mine", timeout=0.5) as plain, pytest.raises(RequestError):
            plain.predict(["a"])
        context = ssl.create_default_context(cafile=files["ca.crt"])
        with urllib.request.urlopen(f"{server.rest_url}/mine", context=context, timeout=10) as answer:
            assert server.rest_url.startswith("https:") and answer.status == 200
    with Server(model_dir, port=0, tls=Tls(files["server.crt"], files["server.key"], files["ca.crt"])) as server:
        with Client(server.address, model="mine", root_certificates=authority, **known) as client:
            assert client.predict(["a b"])[0]["logits"] == [3, 2]
        with Client(server.address, model="mine", root_certificates=authority, timeout=1) as stranger:
            with pytest.raises(RequestError):
                stranger.predict(["a"])
    for wrong in (("server.crt", "none"), ("server.crt", "ca.key"), ("names", "server.key")):
        with pytest.raises(ServingError, match="give a PEM certificate and its key"):
            Server(model_dir, port=0, tls=Tls(*(str(certificates / name) for name in wrong))).start()


def test_metrics_count_requests_batches_and_versions(model_dir):
    with Server(model_dir, port=0, rest_port=0) as server, grpc.insecure_channel(server.address) as channel:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: predict(channel, request()), range(20)))
        refused(channel, request(name="a text that somebody wrote"))
        url = server.rest_url.replace("/v1/models", "/monitoring/prometheus/metrics")
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
    asked = 'tfbert_serving_requests_total{code="%s",method="Predict",model="%s",protocol="grpc"}'
    assert float(lines[asked % ("OK", "mine")]) == 20
    assert float(lines[asked % ("NOT_FOUND", "")]) == 1  # not the name: it may be anything
    assert float(lines['tfbert_serving_request_seconds_count{method="Predict",model="mine"}']) == 20
    assert float(lines["tfbert_serving_batch_rows_sum"]) == 20
    assert float(lines['tfbert_serving_version_available{model="mine",version="3"}']) == 1
    assert float(lines["process_resident_memory_bytes"]) > 0


def test_the_log_has_no_texts(model_dir, caplog, monkeypatch):
    caplog.set_level(logging.INFO, logger="tfbert.serving")
    with Server(model_dir, port=0) as server, grpc.insecure_channel(server.address) as channel:
        predict(channel, request({"text": ["secret words", "b"]}))
        refused(channel, request({"secret": ["a"]}))
        refused(channel, request(name="secret"))

        def fail(key, inputs):
            raise RuntimeError(f"cannot read {inputs['text'][0]}")

        monkeypatch.setattr(server.models.available()[0].servable, "run", fail)
        refused(channel, request({"text": ["secret words"]}))
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert [line["event"] for line in lines] == [
        "loaded", "request", "request", "request", "request_failed", "request", "unloaded"
    ]  # fmt: skip
    assert "secret" not in json.dumps(lines)
    facts = {key: lines[1][key] for key in ("method", "model", "version", "signature", "rows", "code", "protocol")}
    assert facts == {
        "method": "Predict", "model": "mine", "version": 3, "signature": "serving_default", "rows": 2, "code": "OK",
        "protocol": "grpc",
    }  # fmt: skip
    assert [line["code"] for line in lines[2:6] if "code" in line] == ["INVALID_ARGUMENT", "NOT_FOUND", "INTERNAL"]
    assert lines[4]["type"] == "RuntimeError" and any("test_operations.py" in where for where in lines[4]["at"])


def test_reflection_describes_the_services(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    services = {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService", "grpc.health.v1.Health"}
    assert services < set(database.get_services())
    file = database.FindFileContainingSymbol("tensorflow.serving.PredictionService")
    assert {method.name for method in file.service[0].method} == {
        "Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give --model or --model_config_file"),
        (["--model=nowhere", "--version_labels=stable"], "write it as stable=3"),
        (["--model=nowhere", "--tls_key=x"], "TLS needs --tls_certificate and --tls_key"),
    ],
)
@pytest.mark.slow
def test_wrong_flags_are_told_in_one_line(flags, message):
    command = [sys.executable, "-m", "tfbert.launch.main", "serve", *flags]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode and message in result.stderr and "Traceback" not in result.stderr
