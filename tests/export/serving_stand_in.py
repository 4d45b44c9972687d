"""A strict stand-in for TF Serving: what its server has, and nothing else.

In a process of its own: TensorFlow's runtime with tf-text's compiled operations, the loader of TF1 sessions that TF
Serving's is, the SavedModel's warm-up requests before the first answer, and requests through tensorflow-serving-api.
"""

import contextlib
import json
import pathlib
import subprocess
import sys

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_service_pb2_grpc, regression_pb2

PROGRAM = """
import concurrent.futures, importlib.util, json, pathlib, sys
for name in ("keras", "tf_keras", "keras_hub", "tfbert", "tensorflow_text"):
    sys.modules[name] = None  # an import of it is an ImportError
text = pathlib.Path([path for path in sys.path if (pathlib.Path(path) / "tensorflow_text").exists()][0])
import grpc, tensorflow as tf
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc
from tensorflow_serving.apis import regression_pb2
for library in (text / "tensorflow_text/python/ops").glob("*.so"):
    tf.load_op_library(str(library))


class Model:
    def __init__(self, folder):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            meta = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], folder)
        self.signatures = meta.signature_def
        requests = tf.compat.v1.io.tf_record_iterator(folder + "/assets.extra/tf_serving_warmup_requests")
        logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in requests]
        assert 0 < len(logs) <= 1000
        for log in logs:
            assert log.WhichOneof("log_type") == "predict_log"
            self.run(log.predict_log.request.model_spec.signature_name, log.predict_log.request.inputs)

    def run(self, name, inputs):
        signature = self.signatures[name]
        given = {signature.inputs[key].name: tf.make_ndarray(value) for key, value in inputs.items()}
        assert given.keys() == {info.name for info in signature.inputs.values()}
        return self.session.run({key: info.name for key, info in signature.outputs.items()}, given)


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, folders):
        self.models = {name: Model(folder) for name, folder in folders.items()}

    def Predict(self, request, context):
        values = self.models[request.model_spec.name].run(request.model_spec.signature_name, request.inputs)
        response = predict_pb2.PredictResponse()
        for key, value in values.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response

    def run_examples(self, request):  # servables/tensorflow/util.cc, InputToSerializedExampleTensor
        examples = [example.SerializeToString() for example in request.input.example_list.examples]
        inputs = {"inputs": tf.make_tensor_proto(examples)}
        return self.models[request.model_spec.name].run(request.model_spec.signature_name, inputs)

    def Classify(self, request, context):  # classifier.cc, PostProcessClassificationResult
        values = self.run_examples(request)
        assert values.keys() == {"classes", "scores"} and values["classes"].shape == values["scores"].shape
        response = classification_pb2.ClassificationResponse()
        for labels, scores in zip(values["classes"], values["scores"]):
            row = response.result.classifications.add()
            for label, score in zip(labels, scores):
                row.classes.add(label=label, score=score)
        return response

    def Regress(self, request, context):  # regressor.cc, PostProcessRegressionResult
        values = self.run_examples(request)["outputs"]
        assert values.ndim == 1
        response = regression_pb2.RegressionResponse()
        for value in values:
            response.result.regressions.add(value=value)
        return response


server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(json.loads(sys.argv[1])), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
assert sys.modules["keras"] is None and sys.modules["tfbert"] is None
print(port, flush=True)
sys.stdin.read()  # until the other end is closed
"""


class StandIn:
    """Answers of the models served, as arrays."""

    def __init__(self, port):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.max_receive_message_length", -1)])
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    def predict(self, model, signature, inputs):
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = model, signature
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
        response = self._stub.Predict(request, timeout=120)
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def classify(self, model, rows):
        request = _of_examples(classification_pb2.ClassificationRequest(), model, "classify", rows)
        response = self._stub.Classify(request, timeout=120)
        return [{found.label: found.score for found in row.classes} for row in response.result.classifications]

    def regress(self, model, rows):
        request = _of_examples(regression_pb2.RegressionRequest(), model, "regress", rows)
        return [row.value for row in self._stub.Regress(request, timeout=120).result.regressions]


def _of_examples(request, model, signature, rows):
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for row in rows:
        example = request.input.example_list.examples.add()
        for name, text in row.items():
            example.features.feature[name].bytes_list.value.append(text.encode())
    return request


@contextlib.contextmanager
def stand_in(folders, tmp_path):
    """Serves {model name: version folder}."""
    folders = json.dumps({name: str(folder) for name, folder in folders.items()})
    with open(tmp_path / "stand_in.log", "w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, folders],
            **{"cwd": tmp_path, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "text": True},
        )
        try:
            port = process.stdout.readline()
            assert port, (log.flush(), pathlib.Path(log.name).read_text()[-3000:])
            client = StandIn(int(port))
            with client.channel:
                yield client
        finally:
            process.stdin.close()
            process.wait(60)


def given(case, dtypes=None):
    """A golden case's inputs as arrays."""
    return {
        name: np.array(values, np.int32 if name in ("head", "tail") else object)
        for name, values in case["inputs"].items()
    }
