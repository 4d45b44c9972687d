"""A task model -> a SavedModel that takes strings. B batch, S sequence, H hidden, L labels.

The graph holds the tokenizer as constants and each weight once (Keras' own export writes them twice), loads
without Keras and tfbert, and uses the operations of stock TF Serving alone, but for XLA where it is asked for.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfbert.encoders.layers.derived import kept_derived
from tfbert.export.saved_model import allowed_ops
from tfbert.export.saved_model import assets as serving_assets
from tfbert.export.saved_model import xla_buckets as xla_core
from tfbert.files import disk_errors, replace_folder, write_json

if TYPE_CHECKING:
    from tfbert.encoders.encoder import Encoder
    from tfbert.models.task_model import TaskModel


class _Signatures:
    """What a SavedModel of a model answers. No `tf.Module`, which would save all that it holds."""

    def __init__(self, model, xla_buckets):
        self._model, task = model, model.task
        call = xla_core.bucketed(model) if xla_buckets else lambda features: model(features, training=False)
        # One function, so that the file has the network once.
        inputs = {
            name: tf.TensorSpec([None] * len(axes.split()), tf.int32)
            for name, axes in task.inputs(model.encoder).items()
        }
        network = graph_function(call, inputs)
        self._call = lambda features: network(*(features[name] for name in inputs))

    def functions(self):
        """{name: tf.function} of the task's own, and of what every encoder has."""
        task, encoder = self._model.task, self._model.encoder
        signatures = {name: graph_function(self._answer, inputs) for name, inputs in task.signatures.items()}
        ids = {name: tf.TensorSpec([None, None], tf.int32) for name in encoder.input_names}
        signatures["encode_ids"] = graph_function(self._encode, ids)
        for name, call in task.tf_serving_calls().items():
            signatures[name] = graph_function(
                lambda example, call=call: call(self._answer(self._parsed(example))),
                {"inputs": tf.TensorSpec([None], tf.string)},
            )
        return signatures

    def _answer(self, example):
        features = self._model.task.features(example)
        return self._model.task.answer(example, features, self._call(features))

    def _encode(self, features):
        encoder = self._model.encoder
        outputs = encoder(_checked(features, encoder), training=False)
        return {name: tf.cast(outputs[name], tf.float32) for name in ("sequence_output", "pooled_output")}

    def _parsed(self, example):
        """The columns of serialized tf.Examples; INVALID_ARGUMENT names one that has not exactly one string."""
        columns = self._model.task.signatures["serving_default"]
        return tf.io.parse_example(example["inputs"], {name: tf.io.FixedLenFeature([], tf.string) for name in columns})


def _checked(features: dict[str, tf.Tensor], encoder: Encoder) -> dict[str, tf.Tensor]:
    """The inputs of an encoder, where what it cannot read is INVALID_ARGUMENT.

    The graph says so, not the server, because TF Serving runs the graph alone. A processor looks a wrong id up as
    another one, or as zeros. The error does not repeat the ids: they are a text.
    """
    sizes = {"token_ids": encoder.vocab_size, "padding_mask": 2}
    if "segment_ids" in features:
        sizes["segment_ids"] = encoder.config.type_vocab_size
    shape = tf.shape(features["token_ids"])
    checks = [
        tf.debugging.Assert(
            shape[1] <= encoder.max_tokens,
            [f"token_ids: a row is longer than the {encoder.max_tokens} tokens it may be"],
        )
    ]
    for name, value in features.items():
        same = tf.reduce_all(tf.equal(tf.shape(value), shape))
        inside = tf.reduce_all((value >= 0) & (value < sizes[name]))
        checks += [
            tf.debugging.Assert(same, [f"{name} must have the shape of token_ids"]),
            tf.debugging.Assert(inside, [f"{name} must be from 0 to {sizes[name] - 1}"]),
        ]
    with tf.control_dependencies([check for check in checks if check is not None]):
        return {name: tf.identity(value) for name, value in features.items()}


def graph_function(function: Callable[[dict], Any], inputs: Mapping[str, tf.TensorSpec]) -> Callable:
    """A `tf.function` of named tensors, {name: tf.TensorSpec}, for a signature: `function` takes them as a dict."""
    specs = [tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in inputs.items()]

    def positional(*values):
        return function(dict(zip(inputs, values, strict=True)))

    return tf.function(positional, input_signature=specs, autograph=False)


def write_saved_model(model: TaskModel, path: str | os.PathLike, *, xla_buckets: bool = False) -> None:
    """Writes the SavedModel folder `path`, such as `served/mine/1`, in one piece.

    Each of the task's `signatures` takes its columns, such as `text` [B], and returns the task's answer. Also
    `encode_ids`, of token_ids, segment_ids, padding_mask int32 [B, S] to sequence_output [B, S, H] and pooled_output
    [B, H]; `classify` (of one label or several) and `regress` (of a number) of serialized tf.Examples, as TF Serving's
    calls of these names take them: each example has one string of each column. `assets.extra/` holds config.json, which
    names the labels in the order of the probabilities, and warm-up requests; `batching_params.pbtxt` is TF Serving's.

    Args:
        xla_buckets: compile the network by XLA, at a few lengths and batch sizes that inputs are padded to; for
            servers that have XLA, as stock TF Serving has not.

    Raises:
        DiskError: the folder could not be written; nothing is left of it.
        ExportError: an operation that stock TF Serving lacks.

    >>> write_saved_model(tfbert.load("runs/mine"), "served/mine/1")
    """
    served, functions = tf.Module(), _Signatures(model, xla_buckets).functions()
    with kept_derived():
        traced = {name: function.get_concrete_function() for name, function in functions.items()}
        served.weights = _read_by(traced.values())
    with replace_folder(path, marker="saved_model.pb") as folder:
        with disk_errors(path, errors=(tf.errors.OpError,)):  # a full disk comes as one of several
            tf.saved_model.save(served, str(folder), signatures=traced)
        allowed_ops.check(_operations(folder), path)
        extra = pathlib.Path(folder) / "assets.extra"  # where TF Serving keeps what the graph does not read
        extra.mkdir()
        card = {"task": model.task.name, "settings": model.task.settings()}
        write_json(extra / "config.json", card)
        serving_assets.write_requests(folder, model, xla_buckets=xla_buckets)
        serving_assets.write_batching(folder)


def _read_by(functions):
    """The variables that functions read, each once: not the weights of which they read something derived."""
    known = {id(variable.handle): variable for function in functions for variable in function.graph.variables}
    # In the order in which they are read, which is the same each time; that of `graph.variables` is not.
    handles = dict.fromkeys(id(tensor) for function in functions for tensor in function.captured_inputs)
    return [known[handle] for handle in handles if handle in known]


def _operations(folder):
    """The names of all operations of a SavedModel's graphs."""
    saved = saved_model_pb2.SavedModel.FromString((pathlib.Path(folder) / "saved_model.pb").read_bytes())
    graphs = [graph.graph_def for graph in saved.meta_graphs]
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [node for graph in graphs for function in graph.library.function for node in function.node_def]
    return {node.op for node in nodes} - {f.signature.name for graph in graphs for f in graph.library.function}
