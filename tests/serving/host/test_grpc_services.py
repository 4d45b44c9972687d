"""TF Serving's gRPC services, asked as a client of TF Serving would ask."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from served import CODE, predict, refused, request, strings
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfbert.serving.protocol.tensor_proto import encode


def packed(content, shape):
    proto = strings([], shape)
    proto.tensor_content = content
    return proto


def test_predict_answers_with_the_model_spec_and_every_output(server, channel):
    response = predict(channel, request({"text": ["a b", "a b c"]}))
    assert server.served == [("mine", 3)] and server.host == "127.0.0.1"
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
        ({"text": packed(b"x" * 9, [2**40])}, "9 bytes were sent"),
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


def test_an_internal_failure_is_told_and_survived(server, channel, monkeypatch):
    def fail(key, inputs):
        raise RuntimeError("the graph is broken " + "x" * 5000)

    monkeypatch.setattr(server.models.available()[0].servable, "run", fail)
    code, details = refused(channel, request())
    assert code == CODE.INTERNAL and details.startswith("RuntimeError: the graph is broken")
    assert details.endswith("...TRUNCATED") and len(details) < 1100
    monkeypatch.undo()
    assert predict(channel, request()).outputs


def test_metadata_and_status(channel):
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
    assert status.HasField("status")
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
