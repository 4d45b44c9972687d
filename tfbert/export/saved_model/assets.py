"""What TF Serving reads beside a SavedModel: requests to warm it up with, and how it may batch."""

from __future__ import annotations

import importlib.util
import os
import pathlib
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from absl import logging

from tfbert.export.saved_model.file_names import BATCHING, MAX_WARM_UP_REQUESTS, WARM_UP
from tfbert.export.saved_model.xla_buckets import ROWS, lengths_of

if TYPE_CHECKING:
    from tfbert.models.task_model import TaskModel

_BATCHES = (1, 8)
# oneDNN packs weights once, in the order that suits the first request, where the server lets it
# (TF_ONEDNN_ASSUME_FROZEN_WEIGHTS). What suits 8 to 64 tokens costs batches a tenth more at 128 tokens and nothing from
# 256 on; what suits these costs a text of 16 tokens twice the time.
_FIRST_TOKENS = 24
_SIZES = tuple(size for size in ROWS if size <= 32)  # of batches; larger ones keep requests waiting longer
_WORD = "the "  # of one token in most vocabularies

# A request waits only while all threads of the server are busy: what arrives meanwhile makes the next batch. A timeout
# would be added to the time of each request that comes alone. Batches may have any size: TF Serving fills one up to an
# allowed size with copies of a row, which cost as much as that row. Variable lengths are the graph's affair: TF Serving
# would pad with an input's first element.
_BATCHING_PARAMETERS = f"""\
max_batch_size {{ value: {_SIZES[-1]} }}
batch_timeout_micros {{ value: 0 }}
max_enqueued_batches {{ value: 100 }}
"""


def write_batching(folder: str | os.PathLike) -> None:
    """Writes batching_params.pbtxt; TF Serving reads it with --enable_per_model_batching_parameters."""
    (pathlib.Path(folder) / BATCHING).write_text(_BATCHING_PARAMETERS)


def write_requests(folder: str | os.PathLike, model: TaskModel, *, xla_buckets: bool = False) -> int:
    """Writes warm-up requests into a version's folder: each of the task's signatures in batches of 1 and of 8.

    With `xla_buckets` the default signature at each length and batch size that XLA compiles for. The file is a TFRecord
    of PredictionLog. Returns how many; 0, with a warning, where tensorflow-serving-api is not installed, whose messages
    they are.
    """
    if importlib.util.find_spec("tensorflow_serving") is None:
        logging.warning(
            "no warm-up requests are written, and a server's first answers will be slow: tensorflow-serving-api is not "
            "installed (pip install 'tfbert[serving]')"
        )
        return 0
    from tensorflow_serving.apis import prediction_log_pb2

    requests = []
    for name in model.task.signatures:
        inputs = _one_first(model.task, model.task.golden_inputs(name))
        requests += [(name, _rows(inputs, size)) for size in _BATCHES]
    if xla_buckets:
        signature = model.task.signatures["serving_default"]
        for length in lengths_of(model.task):
            inputs = {name: _long(spec, length) for name, spec in signature.items()}
            requests += [("serving_default", _rows(inputs, size)) for size in _SIZES]
    with tf.io.TFRecordWriter(str(pathlib.Path(folder) / WARM_UP)) as writer:
        for name, inputs in requests[:MAX_WARM_UP_REQUESTS]:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model.task.name  # the server ignores it: the folder is one model's
            request.model_spec.signature_name = name
            for column, values in inputs.items():
                request.inputs[column].CopyFrom(tf.make_tensor_proto(values))
            writer.write(log.SerializeToString())
    return len(requests[:MAX_WARM_UP_REQUESTS])


def _one_first(task, inputs):
    """The inputs, of which the first row has about `_FIRST_TOKENS` tokens."""
    features = task.features({name: tf.constant(values) for name, values in inputs.items()})
    tokens = np.sum(features["padding_mask"], axis=1)
    of_rows = np.bincount(features.get("rows", np.arange(len(tokens))), tokens)
    first = int(np.argmin(np.abs(of_rows - _FIRST_TOKENS)))
    return {name: np.roll(values, -first, axis=0) for name, values in inputs.items()}


def _rows(inputs, size):
    return {name: np.resize(values, (size, *values.shape[1:])) for name, values in inputs.items()}


def _long(spec, length):
    """A column of one row that makes as many tokens as the bucket, or nearly."""
    shape = [size or 1 for size in spec.shape]
    if spec.dtype.name != "string":
        return np.zeros(shape, spec.dtype.as_numpy_dtype)
    return np.full(shape, (_WORD * (length - 4)).encode(), object)
