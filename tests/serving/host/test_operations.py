"""Limits, metrics, the log and reflection."""

import concurrent.futures
import json
import logging
import threading
import urllib.request

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from served import CODE, eventually, predict, refused, request
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tfbert.serving.host.request_log import JsonFormatter
from tfbert.serving.host.server import Server


def test_more_than_may_be_under_way_is_resource_exhausted(model_dir, hold):
    with Server(model_dir, port=0, max_concurrent=3) as server, grpc.insecure_channel(server.address) as channel:
        held = hold(server)
        ask = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        first = [ask.future(request(), timeout=30) for _ in range(3)]
        eventually(lambda: b"requests_in_flight 3.0" in server.metrics.render())
        code, details = refused(channel, request())
        assert code == CODE.RESOURCE_EXHAUSTED and details.startswith("3 requests are under way")
        held.open()
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
