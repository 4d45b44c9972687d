"""A task model -> LiteRT files: float32, float16, and int8 weights of dynamic range. B batch, S sequence.

Calibrated int8 of activations is not offered: the embeddings' cosine with the model's falls below 0.8.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfbert.cpu import processors
from tfbert.encoders.layers.layouts import padded_rows
from tfbert.errors import ConfigError, ExportError, TfbertError
from tfbert.export.artifact import PRECISIONS, Variant, output_shapes
from tfbert.export.saved_model.write import graph_function
from tfbert.temporary import temporary_folder
from tfbert.text import Tokenizer
from tfbert.text.lite_kernels import lite_kernels

if TYPE_CHECKING:
    from tfbert.models.task_model import TaskModel

try:
    from ai_edge_litert import interpreter as litert
except ModuleNotFoundError:
    raise ConfigError("LiteRT needs ai_edge_litert, which is not installed: pip install 'tfbert[lite]'") from None

IDS = "ids"  # the signature of ids
_FILES = {"float32": "model.tflite", "float16": "model_float16.tflite", "int8": "model_int8.tflite"}


class _Functions:
    """A model's functions of ids and of strings, in operations that LiteRT has."""

    def __init__(self, model):
        self._task, self._network = model.task, model.network
        self._inputs, self._shapes = model.task.inputs(model.encoder), output_shapes(model)

    def of_ids(self):
        specs = {name: tf.TensorSpec([None] * len(axes.split()), tf.int32) for name, axes in self._inputs.items()}
        return graph_function(lambda features: self._task.named(self._outputs(features)), specs)

    def of_strings(self, signature, outputs=None):
        """The task's signature; `outputs` takes the place of the network."""
        task, outputs = self._portable, outputs or self._outputs

        def answer(example):
            features = task.features(example)
            return task.answer(example, features, outputs(features))

        return graph_function(answer, task.signatures[signature])

    @functools.cached_property
    def _portable(self):
        return portable(self._task)

    def _outputs(self, features):
        return self._network({name: features[name] for name in self._inputs}, training=False)

    def any_outputs(self, features):
        """Outputs of the right shape, without the weights."""
        sizes = {}
        for name, axes in self._inputs.items():
            sizes.update(zip(axes.split(), tf.unstack(tf.shape(features[name])), strict=True))
        return self._task.as_head(
            {
                name: tf.zeros([sizes[axis] if size is None else size for axis, size in zip(axes, shape, strict=True)])
                for name, shape in self._shapes.items()
                for axes in [self._task.outputs[name].split()]
            }
        )


def portable(task: Any) -> Any:
    """Returns the task with a tokenizer of operations that LiteRT has. Raises ConfigError: its algorithm has others."""
    tokenizer = Tokenizer.from_config(task.tokenizer.get_config(), portable=True)
    return dataclasses.replace(task, tokenizer=tokenizer)


def write_lite(
    model: TaskModel,
    folder: str | os.PathLike,
    precisions: Sequence[str] = PRECISIONS["lite"],
    known: Collection[str] = (),
) -> list[Variant]:
    """Writes model.tflite, model_float16.tflite and model_int8.tflite into a folder; returns their `Variant`s.

    Each has the signature `ids`, of the network's features, int32, to the task's `outputs`; and those of the task's own
    signatures, of strings, that LiteRT and tensorflow-text's kernels can run, which is tried. The interpreter needs
    these kernels for strings alone.

    Args:
        known: signatures of strings that are known to run.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lite, module = _Functions(model), tf.Module()
    module.weights = [variable.value for variable in model.network.weights]
    strings, notes = {}, []
    for name in model.task.signatures:
        if name not in known and (reason := _why_not(lite, model.task, name)):
            notes.append(f"signature {name} takes ids alone in LiteRT: {reason}")
        else:
            strings[name] = lite.of_strings(name)
    functions = {**strings, IDS: lite.of_ids()}
    variants = []
    with temporary_folder() as saved:
        with padded_rows():
            tf.saved_model.save(module, str(saved), signatures=functions)
        for precision in precisions:
            path = folder / _FILES[precision]
            path.write_bytes(converted(saved, list(functions), precision))
            signatures = open_file(path)
            network = _network(signatures.pop(IDS), model.task.inputs(model.encoder))
            variants.append(Variant("lite", precision, path, signatures, network, notes=tuple(notes)))
    return variants


def _network(run, names):
    return lambda features: run({name: features[name] for name in names})


def _why_not(lite, task, name):
    """Why a signature of strings does not run, found by trying it without the weights; "" if it does."""
    module = tf.Module()
    with temporary_folder() as saved:
        try:
            function = lite.of_strings(name, lite.any_outputs)
            tf.saved_model.save(module, str(saved), signatures={name: function})
            path = saved / "model.tflite"
            path.write_bytes(converted(saved, [name], "float32"))
            open_file(path)[name](task.golden_inputs(name))
        except Exception as error:  # the converter and the interpreter each raise their own
            return short_reason(error)
    return ""


def short_reason(error: Exception) -> str:
    """The part of an error of the converter or the interpreter that names the operation; what tfbert says, as it is."""
    if isinstance(error, TfbertError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if "error" in line or "custom op" in line]
    message = lines[0] if lines else f"{type(error).__name__}: {error}"
    message = message.split("): ")[-1].removeprefix("Encountered ")
    return message.split(". See")[0].rstrip(".")[:200]


def converted(saved: pathlib.Path, signatures: Sequence[str], precision: str) -> bytes:
    """The LiteRT file of a SavedModel's signatures.

    >>> converted(pathlib.Path("served/mine/1"), ["serving_default"], "int8")  # doctest: +SKIP
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=signatures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter.allow_custom_ops = True  # tensorflow-text's
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        return converter.convert()
    except Exception as error:  # the converter's own, of no common class
        raise ExportError(f"LiteRT cannot have this model: {error}") from error


def open_file(path: str | os.PathLike, threads: int | None = None) -> dict[str, Callable]:
    """{signature: function of a dict of arrays} of a file, with tensorflow-text's kernels; all processors unless given.

    >>> open_file("served/mine/lite/model.tflite")["serving_default"]({"text": np.array([b"where is it"], object)})
    """
    interpreter = litert.InterpreterWithCustomOps(
        model_path=str(path),
        num_threads=threads or processors(),
        custom_op_registerers=lite_kernels(),
    )
    return {name: _runner(interpreter, name) for name in interpreter.get_signature_list()}


def _runner(interpreter, name):
    runner = interpreter.get_signature_runner(name)

    def run(inputs):
        return runner(**{name: np.ascontiguousarray(values) for name, values in inputs.items()})

    return run
