"""A small SavedModel with every kind of signature, and the requests that tests send to it."""

import functools
import json
import pathlib
import threading
import time
import urllib.error
import urllib.request

import grpc
import pytest
import tensorflow as tf
import tensorflow_text
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import input_pb2, predict_pb2, prediction_service_pb2_grpc

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CHANNEL_OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
CODE = grpc.StatusCode


class Classifier(tf.Module):
    """Logits are [bytes, words] of a text, the words counted by an op of tensorflow_text, times `factor`."""

    def __init__(self):
        super().__init__()
        self.labels = tf.Variable(["bytes", "words"])
        self.factor = tf.Variable(1.0)
        self.tokenizer = tensorflow_text.WhitespaceTokenizer()

    def _logits(self, text):
        words = self.tokenizer.tokenize(text).row_lengths()
        return self.factor * tf.cast(tf.stack([tf.cast(tf.strings.length(text), tf.int64), words], axis=1), tf.float32)

    def _answer(self, text):
        logits = self._logits(text)
        label = tf.gather(self.labels, tf.argmax(logits, axis=1))
        return {"label": label, "logits": logits, "probabilities": tf.nn.softmax(logits)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def single(self, text):
        return self._answer(text)

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "text"), tf.TensorSpec([None], tf.string, "text_pair")]
    )
    def pair(self, text, text_pair):
        return self._answer(tf.strings.join([text, text_pair]))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.int32, "token_ids")])
    def ids(self, token_ids):
        valid = tf.debugging.assert_non_negative(token_ids, "token_ids must not be negative")
        with tf.control_dependencies([valid]):
            return {"sequence_output": tf.cast(token_ids, tf.float32)[..., None], "token_ids": token_ids}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(self, inputs):
        logits = self._logits(_text(inputs))
        classes = tf.repeat(self.labels[None], tf.shape(logits)[0], axis=0)
        return {"classes": classes, "scores": logits}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(self, inputs):
        return {"outputs": self._logits(_text(inputs))[:, 1]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def total(self, text):
        return {"total": tf.reduce_sum(tf.strings.length(text))}  # no batch dimension


def _text(examples):
    return tf.io.parse_example(examples, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]


@functools.cache
def _classifier():
    return Classifier()  # traced once for all that is saved


def save(folder, factor=1):
    module = _classifier()
    module.factor.assign(factor)
    signatures = {
        "serving_default": module.single,
        "pair": module.pair,
        "ids": module.ids,
        "classify": module.classify,
        "regress": module.regress,
        "total": module.total,
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)


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


def example(text=None):
    """A tf.Example with the feature `text`, or without any."""
    features = {} if text is None else {"text": {"bytes_list": {"value": [text.encode()]}}}
    return example_pb2.Example(features={"feature": features})


def examples(*texts):
    return input_pb2.Input(example_list={"examples": [example(text) for text in texts]})


def predict(channel, message, timeout=10):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(message, timeout=timeout)


def refused(call, message, timeout=10):
    """(code, details) of a call that must fail; `call` is a stub's method, or a channel whose Predict is meant."""
    if isinstance(call, grpc.Channel):
        call = prediction_service_pb2_grpc.PredictionServiceStub(call).Predict
    with pytest.raises(grpc.RpcError) as caught:
        call(message, timeout=timeout)
    return caught.value.code(), caught.value.details()


def strings(values, shape=None):
    proto = tensor_pb2.TensorProto(dtype=tf.string.as_datatype_enum, string_val=values)
    for size in [len(values)] if shape is None else shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def eventually(condition, seconds=30):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.01)


class Gate:
    """Lets nothing through until `open`; `inputs` lists what has arrived, `reached` is set when something has."""

    def __init__(self):
        self._opened, self.reached, self.inputs = threading.Event(), threading.Event(), []
        self.open, self.close = self._opened.set, self._opened.clear

    def wait(self, arrived=None):
        self.inputs.append(arrived)
        self.reached.set()
        assert self._opened.wait(30)

    def before(self, function):
        """The function, which waits here when it is called."""

        def call(*arguments, **named):
            self.wait(arguments)
            return function(*arguments, **named)

        return call


def post(server, path, body, encoding=None):
    """(status, JSON object) of a POST to the server's REST address."""
    headers = {"Content-Encoding": encoding} if encoding else {}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{server.rest_url}{path}", body, headers), timeout=20
        ) as got:
            return got.status, json.load(got)
    except urllib.error.HTTPError as error:
        assert error.headers["Content-Type"].startswith("application/json")
        return error.code, json.load(error)
