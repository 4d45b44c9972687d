"""What a server reads: bodies of requests and the files beside a model; and the files of a run."""

from __future__ import annotations

import json
import pathlib

import mutations
import tensorflow as tf
from fuzzing import Reader
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2

from tfbert.runs.logs.history_file import keep_history, read_history
from tfbert.serving.host.api_keys import ApiKeys
from tfbert.serving.models.batching_parameters import BatchingParameters, read_parameters
from tfbert.serving.protocol import rest_request

_KINDS = {"text": tf.string, "ids": tf.int32, "score": tf.float32, "flag": tf.bool, "half": tf.float16}
_INFOS = {name: meta_graph_pb2.TensorInfo(dtype=kind.as_datatype_enum) for name, kind in _KINDS.items()}
_ROW = {"text": "a", "ids": [1, 2], "score": 0.5, "flag": True, "half": 1}
_PARAMETERS = (
    "max_batch_size { value: 32 }\nbatch_timeout_micros { value: 100 }\nmax_enqueued_batches { value: 9 }\n"
    'num_batch_threads { value: 2 }\nthread_pool_name { value: "a" }\nallowed_batch_sizes: 8\nallowed_batch_sizes: 32\n'
    "pad_variable_length_inputs: true\nsome_field { other: 1 }\n"
)


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


def _history(path: pathlib.Path) -> None:
    read_history(path)
    keep_history(path, 2)


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
    "history": Reader(
        "metrics.jsonl", _sound('{"step": 1, "loss": 0.5}\n{"step": 2, "dev": {"accuracy": 1.0}}\n{"step": 3}\n'), _history, mutations.of_lines
    ),
}  # fmt: skip
