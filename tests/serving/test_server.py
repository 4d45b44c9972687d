"""The embedded server, asked over gRPC as a client of TF Serving would ask."""

import concurrent.futures
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from tfbert.errors import ServingError
from tfbert.serving import servable as servable_module
from tfbert.serving.client import Client
from tfbert.serving.server import Server
from tfbert.serving.tensor_proto import encode

CODE = grpc.StatusCode
STRINGS = tf.TensorSpec([None], tf.string)


class Classifier(tf.Module):
    """Logits are [bytes, words]; the words are counted by an op of tensorflow_text."""

    def __init__(self):
        super().__init__()
        self.labels = tf.Variable(["bytes", "words"])
        self.tokenizer = tensorflow_text.WhitespaceTokenizer()

    def _answer(self, text):
        words = self.tokenizer.tokenize(text).row_lengths()
        logits = tf.cast(tf.stack([tf.cast(tf.strings.length(text), tf.int64), words], axis=1), tf.float32)
        label = tf.gather(self.labels, tf.argmax(logits, axis=1))
        return {"label": label, "logits": logits, "probabilities": tf.nn.softmax(logits)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def single(self, text):
        return self._answer(text)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "text"),
            tf.TensorSpec([None], tf.string, "text_pair"),
        ]
    )
    def pair(self, text, text_pair):
        return self._answer(tf.strings.join([text, text_pair]))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.int32, "token_ids")])
    def ids(self, token_ids):
        valid = tf.debugging.assert_non_negative(token_ids, "token_ids must not be negative")
        with tf.control_dependencies([valid]):
            return {"sequence_output": tf.cast(token_ids, tf.float32)[..., None], "token_ids": token_ids}


def save(folder):
    module = Classifier()
    signatures = {"serving_default": module.single, "pair": module.pair, "ids": module.ids}
    tf.saved_model.save(module, str(folder), signatures=signatures)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "mine"
    save(folder / "3")
    (folder / "2").mkdir()  # older, never opened
    (folder / "temp-10").mkdir()  # no version
    return folder


@pytest.fixture(scope="module")
def server(model_dir):
    with Server(model_dir, port=0, workers=4) as server:
        yield server


@pytest.fixture(scope="module")
def channel(server):
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.address, options) as channel:
        yield channel


def request(inputs=None, name="mine", signature="", output_filter=(), **version):
    message = predict_pb2.PredictRequest(output_filter=output_filter)
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    if "version" in version:
        message.model_spec.version.value = version["version"]
    if "version_label" in version:
        message.model_spec.version_label = version["version_label"]
    for key, value in ({"text": ["a text"]} if inputs is None else inputs).items():
        proto = value if isinstance(value, tensor_pb2.TensorProto) else tf.make_tensor_proto(value)
        message.inputs[key].CopyFrom(proto)
    return message


def predict(channel, message, timeout=10):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(message, timeout=timeout)


def refused(channel, message):
    with pytest.raises(grpc.RpcError) as caught:
        predict(channel, message)
    return caught.value.code(), caught.value.details()


def strings(values, shape=None):
    proto = tensor_pb2.TensorProto(dtype=tf.string.as_datatype_enum, string_val=values)
    for size in [len(values)] if shape is None else shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def test_predict_answers_with_the_model_spec_and_every_output(server, channel):
    response = predict(channel, request({"text": ["a b", "a b c"]}))
    assert (server.version, server.model_name, server.host) == (3, "mine", "127.0.0.1")
    assert response.model_spec.name == "mine" and response.model_spec.version.value == 3
    assert response.model_spec.signature_name == "serving_default"
    assert set(response.outputs) == {"label", "logits", "probabilities"}
    assert list(response.outputs["label"].string_val) == [b"bytes", b"bytes"]
    assert list(response.outputs["logits"].float_val) == [3, 2, 5, 3]  # in float_val, as TF Serving answers
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["logits"]), [[3, 2], [5, 3]])
    assert list(predict(channel, request(version=3)).outputs["logits"].float_val) == [6, 2]


def test_predict_other_signatures_and_the_output_filter(channel):
    response = predict(channel, request({"text": ["a "], "text_pair": ["b c"]}, signature="pair"))
    assert list(response.outputs["logits"].float_val) == [5, 3]
    ids = np.arange(8, dtype=np.int32).reshape(2, 4)
    response = predict(channel, request({"token_ids": ids}, signature="ids"))
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["sequence_output"])[..., 0], ids)
    np.testing.assert_array_equal(list(response.outputs["token_ids"].int_val), ids.ravel())
    assert set(predict(channel, request(output_filter=["logits"])).outputs) == {"logits"}
    code, details = refused(channel, request(output_filter=["score"]))
    assert code == CODE.INVALID_ARGUMENT and "score" in details and "label, logits" in details
    code, details = refused(channel, request(output_filter=["logits", "logits"]))
    assert code == CODE.INVALID_ARGUMENT and "duplicate output tensor alias: logits" in details


@pytest.mark.parametrize(
    ("message", "code", "details"),
    [
        (request(name="other"), CODE.NOT_FOUND, "Servable not found for request: Latest(other)"),
        (request(version=9), CODE.NOT_FOUND, "Servable not found for request: Specific(mine, 9)"),
        (request(version_label="new"), CODE.INVALID_ARGUMENT, "Unrecognized servable version label: new"),
        (request(name=""), CODE.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (predict_pb2.PredictRequest(), CODE.INVALID_ARGUMENT, "Missing ModelSpec"),
        (request(signature="x"), CODE.FAILED_PRECONDITION, 'Serving signature key "x" not found.'),
    ],
)
def test_wrong_model_specs_get_tf_servings_codes(channel, message, code, details):
    answered = refused(channel, message)
    assert answered[0] == code and answered[1].startswith(details)


@pytest.mark.parametrize(
    ("inputs", "details"),
    [
        ({}, "Missing but required: {text}"),
        ({"txt": ["a"]}, "Sent extra: {txt}"),
        ({"text": ["a"], "more": ["a"]}, "Sent extra: {more}"),
        ({"text": [1]}, "input 'text' is int32, not string"),
        ({"text": "a"}, "input 'text' has shape []"),
        ({"text": [["a"]]}, "input 'text' has shape [1, 1]"),
        ({"text": tensor_pb2.TensorProto()}, "input 'text' is"),
        ({"text": tensor_pb2.TensorProto(dtype=999)}, "the unknown dtype 999"),
        ({"text": strings([b"a"], [2])}, "shape [2] needs 2 values, 1 were sent"),
        ({"text": strings([b"a", b"b"], [1])}, "shape [1] needs 1 values, 2 were sent"),
        ({"text": strings([b"a"], [-1])}, "incomplete shape"),
        ({"text": strings([], [10**15])}, "0 were sent"),
        (
            {"text": tensor_pb2.TensorProto(dtype=7, tensor_shape={"dim": [{"size": 2}]}, tensor_content=b"\xff")},
            "tensor parsing error",
        ),
    ],
)
def test_wrong_inputs_are_invalid_arguments_that_name_the_expected_ones(channel, inputs, details):
    code, answered = refused(channel, request(inputs))
    assert code == CODE.INVALID_ARGUMENT
    assert details in answered and 'signature "serving_default" expects {text: string [-1]}' in answered


def test_wrong_pairs_and_ids_are_invalid_arguments(channel):
    code, details = refused(channel, request({"text": ["a"], "text_pair": ["b", "c"]}, signature="pair"))
    assert code == CODE.INVALID_ARGUMENT and "{'text': 1, 'text_pair': 2}" in details
    assert "text: string [-1], text_pair: string [-1]" in details
    ids = encode(np.zeros([2, 4], np.int32))
    for broken in (encode(np.zeros([2, 5], np.int32)), encode(np.zeros([2, 4], np.int64))):
        code, details = refused(channel, request({"token_ids": broken}, signature="ids"))
        assert code == CODE.INVALID_ARGUMENT and "token_ids: int32 [-1, 4]" in details
    del ids.int_val[3:]
    ids.tensor_content = b"123"
    code, details = refused(channel, request({"token_ids": ids}, signature="ids"))
    assert code == CODE.INVALID_ARGUMENT and "tensor parsing error" in details
    # The graph's own check: TensorFlow's code is passed on.
    code, details = refused(channel, request({"token_ids": -np.ones([1, 4], np.int32)}, signature="ids"))
    assert code == CODE.INVALID_ARGUMENT and "token_ids must not be negative" in details


def test_strings_pass_unchanged_and_large_texts_are_served(channel):
    texts = [
        b"\xff\xfe not utf-8",
        b"ends with a NUL \0",
        "ɓ 的 🙂".encode(),
        b"",
        b"x" * 2**20,
        b"y" * (5 * 2**20),
    ]
    response = predict(channel, request({"text": strings(texts)}))
    logits = tf.make_ndarray(response.outputs["logits"])
    np.testing.assert_array_equal(logits[:, 0], [len(text) for text in texts])
    packed = b"".join(bytes([len(text)]) for text in texts[:4]) + b"".join(texts[:4])  # as C++ clients may
    proto = strings([], [4])
    proto.tensor_content = packed
    response = predict(channel, request({"text": proto}))
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["logits"]), logits[:4])
    empty = predict(channel, request({"text": strings([])}))
    assert tf.make_ndarray(empty.outputs["logits"]).shape == (0, 2)


def test_a_message_over_the_limit_is_resource_exhausted(channel):
    assert refused(channel, request({"text": strings([b"x" * (65 * 2**20)])}))[0] == CODE.RESOURCE_EXHAUSTED
    assert predict(channel, request()).outputs


def test_encode_equals_make_tensor_proto_for_every_dtype():
    for dtype in (
        tf.float32,
        tf.float64,
        tf.int8,
        tf.int32,
        tf.int64,
        tf.uint64,
        tf.bool,
        tf.half,
        tf.bfloat16,
    ):
        array = np.array([[0, 1, 1], [0, 1, 0]]).astype(dtype.as_numpy_dtype)
        for value in (array, array.T, array[:, :0], array[0, 0], np.zeros([300, 5]).astype(array.dtype)):
            proto = encode(np.asarray(value))
            decoded = tf.make_ndarray(proto)
            assert decoded.dtype == value.dtype
            np.testing.assert_array_equal(decoded, value)


def test_an_internal_failure_is_told_and_survived(server, channel, monkeypatch):
    def fail(text):
        raise RuntimeError("the graph is broken " + "x" * 5000)

    monkeypatch.setitem(server.service.servable._functions, "serving_default", fail)
    code, details = refused(channel, request())
    assert code == CODE.INTERNAL and details.startswith("RuntimeError: the graph is broken")
    assert details.endswith("...TRUNCATED") and len(details) < 1100
    monkeypatch.undo()
    assert predict(channel, request()).outputs


def test_metadata_status_and_what_is_not_implemented(channel):
    prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "mine"
    response = prediction.GetModelMetadata(asked, timeout=10)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert response.model_spec.version.value == 3
    assert {"serving_default", "pair", "ids"} <= set(signatures.signature_def)
    assert set(signatures.signature_def["pair"].inputs) == {"text", "text_pair"}

    model_service = model_service_pb2_grpc.ModelServiceStub(channel)
    asked_status = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "mine"})
    (status,) = model_service.GetModelStatus(asked_status, timeout=10).model_version_status
    assert status.version == 3 and status.state == status.AVAILABLE and status.status.error_code == 0

    def code_of(method, message):
        with pytest.raises(grpc.RpcError) as caught:
            method(message, timeout=10)
        return caught.value.code()

    metadata, status = prediction.GetModelMetadata, model_service.GetModelStatus
    request_type = get_model_metadata_pb2.GetModelMetadataRequest
    spec = {"name": "mine"}
    assert code_of(metadata, request_type(metadata_field=["signature_def"])) == CODE.INVALID_ARGUMENT
    assert code_of(metadata, request_type(model_spec=spec)) == CODE.INVALID_ARGUMENT
    assert code_of(metadata, request_type(model_spec=spec, metadata_field=["x"])) == CODE.INVALID_ARGUMENT
    asked.model_spec.name = "other"
    assert code_of(metadata, asked) == CODE.NOT_FOUND
    assert code_of(status, get_model_status_pb2.GetModelStatusRequest()) == CODE.INVALID_ARGUMENT
    asked_status.model_spec.version.value = 2
    assert code_of(status, asked_status) == CODE.NOT_FOUND
    other = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "other"})
    assert code_of(status, other) == CODE.NOT_FOUND
    assert code_of(prediction.Classify, classification_pb2.ClassificationRequest()) == CODE.UNIMPLEMENTED


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
        compute = server.service.servable.predict

        def predict_when_released(message):
            begun.append(message)
            assert release.wait(30)
            return compute(message)

        monkeypatch.setattr(server.service.servable, "predict", predict_when_released)
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


def test_a_version_folder_another_name_and_a_newer_version(model_dir, tmp_path):
    with Server(f"{model_dir}/3/", port=0) as server:
        assert (server.model_name, server.version) == ("mine", 3)
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


def write_warmup(folder, *logs):
    file = folder / "assets.extra" / "tf_serving_warmup_requests"
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log if isinstance(log, bytes) else log.SerializeToString())
    return file


def test_the_warm_up_requests_are_run_when_loading(model_dir, tmp_path, monkeypatch):
    folder = tmp_path / "mine" / "1"
    shutil.copytree(model_dir / "3", folder)
    log = prediction_log_pb2.PredictionLog(predict_log={"request": request({"text": ["a", "b"]}, name="any")})
    write_warmup(folder, log, prediction_log_pb2.PredictionLog(classify_log={}), log)
    servable = servable_module.Servable(folder, name="mine", version=1)
    assert servable.warm_up() == 2
    with Server(folder.parent, port=0) as server, grpc.insecure_channel(server.address) as channel:
        assert predict(channel, request()).outputs

    bad = prediction_log_pb2.PredictionLog(predict_log={"request": request({"txt": ["a"]})})
    write_warmup(folder, log, bad)
    with pytest.raises(ServingError, match="warm-up request 2 failed: input size does not match"):
        Server(folder.parent, port=0).start()
    write_warmup(folder, b"\xff\xff")
    with pytest.raises(ServingError, match="not a PredictionLog"):
        servable.warm_up()
    write_warmup(folder, log).write_bytes(b"no TFRecord at all, but some text")
    with pytest.raises(ServingError, match="not in TFRecord format"):
        servable.warm_up()
    monkeypatch.setattr(servable_module, "_MAX_WARMUP_RECORDS", 1)
    write_warmup(folder, log, log)
    with pytest.raises(ServingError, match="more than 1 requests"):
        servable.warm_up()


@pytest.mark.parametrize("ending", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_program_serves_until_a_signal_and_exits_with_0(model_dir, ending):
    command = [sys.executable, "-m", "tfbert.launch.main", "serve", f"--model={model_dir}", "--grpc_port=0"]
    root = pathlib.Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("serving mine version 3 on 127.0.0.1:"), process.communicate()
        with Client(line.split()[5], model="mine", timeout=20) as client:
            assert client.predict(["a b"])[0]["logits"] == [3, 2]
            assert client.healthy() and client.status()[0]["state"] == "AVAILABLE"
            process.send_signal(ending)
            output, errors = process.communicate(timeout=20)
            assert process.returncode == 0 and "Traceback" not in errors and output == ""
            assert not client.healthy()
    finally:
        process.kill()
        process.wait()
