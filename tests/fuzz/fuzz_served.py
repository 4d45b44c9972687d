"""What a server reads: bodies of requests, and the files beside a model."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib

import containers
import mutations
import numpy as np
import tensorflow as tf
from fuzzing import Reader
from quick_records import quick
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2, prediction_log_pb2
from tfrecords import record

from tfbert.export.saved_model.file_names import WARM_UP
from tfbert.serving.host.api_keys import ApiKeys
from tfbert.serving.models.batching_parameters import BatchingParameters, read_parameters
from tfbert.serving.models.versions import read_model_config
from tfbert.serving.models.warm_up import warm_up
from tfbert.serving.protocol import inference, rest_request
from tfbert.serving.protocol.signatures import Signatures

_KINDS = {"text": tf.string, "ids": tf.int32, "score": tf.float32, "flag": tf.bool, "half": tf.float16}
_INFOS = {name: meta_graph_pb2.TensorInfo(dtype=kind.as_datatype_enum) for name, kind in _KINDS.items()}
_ROW = {"text": "a", "ids": [1, 2], "score": 0.5, "flag": True, "half": 1}
_PARAMETERS = (
    "max_batch_size { value: 32 }\nbatch_timeout_micros { value: 100 }\nmax_enqueued_batches { value: 9 }\n"
    'num_batch_threads { value: 2 }\nthread_pool_name { value: "a" }\nallowed_batch_sizes: 8\nallowed_batch_sizes: 32\n'
    "pad_variable_length_inputs: true\nsome_field { other: 1 }\n"
)
_MODELS = (
    'model_config_list {\n  config {\n    name: "mine"\n    base_path: "/served/mine"\n    model_platform: "tensorflow"\n'
    "    model_version_policy { specific { versions: 1 versions: 42 } }\n    version_labels { key: 'stable' value: 42 }\n  }\n"
    '  config { name: "other" base_path: "/served/other" model_version_policy { latest { num_versions: 2 } } }\n'
    '  config { name: "third" base_path: "x" model_version_policy { all {} } logging_config { } }\n}\n'
)


def _definition(inputs: dict, outputs: dict, method: str) -> meta_graph_pb2.SignatureDef:
    found = meta_graph_pb2.SignatureDef(method_name=method)
    for infos, kinds in ((found.inputs, inputs), (found.outputs, outputs)):
        for name, (kind, *shape) in kinds.items():
            infos[name].dtype = kind.as_datatype_enum
            infos[name].tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return found


_SIGNATURES = Signatures({
    "serving_default": _definition({"text": (tf.string, None)}, {"label": (tf.string, None, 1)}, "tensorflow/serving/predict"),
    "classify": _definition(
        {"inputs": (tf.string, None)}, {"scores": (tf.float32, None, 2), "classes": (tf.string, None, 2)}, inference.CLASSIFY_METHOD
    ),
})  # fmt: skip


def _predict(path: pathlib.Path) -> None:
    given = rest_request.read_object(path.read_bytes())
    rest_request.signature_name(given)
    rest_request.check_rows(given, 100_000, _INFOS)
    rest_request.predict_inputs(
        given, _INFOS if not isinstance(given.get("inputs"), list) else {"text": _INFOS["text"]}
    )


def _examples(path: pathlib.Path) -> None:
    given = rest_request.read_object(path.read_bytes())
    rest_request.check_rows(given, 100_000)
    rest_request.fill_examples(given, input_pb2.Input())


class _Servable:
    """A version whose graph is not run: two signatures, and the answers of the second for all."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.signatures = folder, _SIGNATURES


def _answered(name: str, inputs: dict) -> concurrent.futures.Future:
    answer: concurrent.futures.Future = concurrent.futures.Future()
    rows = max((len(value) for value in inputs.values() if value.ndim), default=1)
    found = {key: (rows, 2) if key in ("scores", "classes") else (rows, 1) for key in _SIGNATURES[name].outputs}
    of_kind = {key: _SIGNATURES[name].outputs[key].dtype for key in found}
    answer.set_result(
        {
            key: np.full(shape, b"a", object) if of_kind[key] == tf.string else np.zeros(shape, "f4")
            for key, shape in found.items()
        }
    )
    return answer


def _logs(folder: pathlib.Path) -> list[bytes]:
    example = {"features": {"feature": {"text": {"bytes_list": {"value": [b"a"]}}}}}
    request = {"input": {"example_list": {"examples": [example, example]}}}
    logs = [
        {"predict_log": {"request": {"inputs": {"text": tf.make_tensor_proto(["a", "b"])}, "output_filter": ["label"]}}},
        {"classify_log": {"request": {**request, "model_spec": {"signature_name": "classify"}}}},
        {"session_run_log": {}},
        {"multi_inference_log": {"request": {**request, "tasks": [
            {"model_spec": {"name": "a", "signature_name": "classify"}, "method_name": inference.CLASSIFY_METHOD}]}}},
    ]  # fmt: skip
    logs = [prediction_log_pb2.PredictionLog(**log).SerializeToString(deterministic=True) for log in logs]
    (folder / WARM_UP).parent.mkdir(parents=True)
    return [b"".join(map(record, logs)), *map(record, logs)]


def _sound(*texts: str):
    return lambda folder: [text.encode() for text in texts]


READERS = {
    # the server answers a ValueError with 400
    "predict": Reader(
        "body.json",
        _sound(
            json.dumps({"signature_name": "serving_default", "instances": [_ROW, _ROW]}),
            json.dumps({"inputs": {**_ROW, "text": [{"b64": "YWJj"}]}}),
            json.dumps({"inputs": ["a", "b"]}),
        ),
        _predict,
        mutations.of_json,
        refusals=(ValueError,),
    ),
    "examples": Reader(
        "body.json",
        _sound(json.dumps({"examples": [{"text": "a", "n": [1, 2], "x": 0.5}, {"text": {"b64": "YWJj"}}], "context": {"c": 1}})),
        _examples,
        mutations.of_json,
        refusals=(ValueError,),
    ),
    "batching_parameters": Reader(
        "batching_params.pbtxt",
        _sound(_PARAMETERS, "max_batch_size { value: 64 }\n"),
        lambda path: read_parameters(path.parent, BatchingParameters()),
        mutations.of_lines,
    ),
    "api_keys": Reader("keys.txt", _sound("a-key-of-some-length\n\nanother-key-of-some-length\n"), ApiKeys.read, mutations.of_lines),
    "warm_up": Reader(
        WARM_UP, _logs, quick(lambda path: warm_up(_Servable(path.parent.parent), _answered)), containers.records
    ),
    "model_config": Reader("models.config", _sound(_MODELS), read_model_config, mutations.of_lines),
}  # fmt: skip
