"""A task without its network as a LiteRT file: strings -> features, and outputs -> the answer. B texts, W rows.

`tfbert serve --engine=litert` and `--engine=onnx` run it around a network's file, without TensorFlow: what is served is
the task's own code, as in the SavedModel. Beside it are the SavedModel's signatures, for clients that ask for them.
"""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from tfbert.errors import ExportError
from tfbert.export import golden
from tfbert.export.artifact import output_shapes
from tfbert.export.file_names import SIGNATURES, TASK
from tfbert.export.lite import converted, open_file, portable, short_reason
from tfbert.export.saved_model.write import graph_function, write_saved_model
from tfbert.temporary import temporary_folder

if TYPE_CHECKING:
    from tfbert.export.golden import Case
    from tfbert.models.task_model import TaskModel

Specs = dict[str, tf.TensorSpec]
_KINDS = ("example", "features", "outputs")  # what an answer is made of; tensors are named kind_name


def write_task(
    model: TaskModel, cases: Mapping[str, Case], folder: pathlib.Path, saved_model: pathlib.Path | None
) -> dict[str, str]:
    """Writes the file and the signatures into the export `folder`; {signature: why it is not served, "" if it is}.

    For each of the task's signatures NAME the file has `features_NAME`, of its columns, and `answer_NAME`; for TF
    Serving's calls, `call_NAME`, of the default signature's.

    Args:
        saved_model: the exported SavedModel, whose signatures are copied; None: one is written for them alone.
    """
    parts, functions, files, reasons = _Parts(model), {}, [], {}
    for name in model.task.signatures:
        try:
            of_signature = parts.functions(name)
            file = _file_of(of_signature)
            _check(file, cases[name], name, of_signature)
        except Exception as error:  # the converter and the interpreter each raise their own
            reasons[name] = short_reason(error)
        else:
            functions.update(of_signature)
            files.append(file)
            reasons[name] = ""
    if functions:
        path = folder / TASK
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[0] if len(files) == 1 else _file_of(functions))
        with temporary_folder() as other:
            if saved_model is None:
                write_saved_model(model, other / "1")
            _write_signatures(folder / SIGNATURES, saved_model or other / "1")
    return reasons


def _write_signatures(path: pathlib.Path, saved_model: pathlib.Path) -> None:
    saved = saved_model_pb2.SavedModel.FromString((saved_model / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    signatures = meta_graph_pb2.MetaGraphDef(signature_def=graph.signature_def)
    path.write_bytes(signatures.SerializeToString(deterministic=True))


class _Function(NamedTuple):
    graph: Any  # tf.function
    reads: tuple[str, ...]  # the names of its tensors


class _Parts:
    """The functions of a task in operations that LiteRT has."""

    def __init__(self, model: TaskModel) -> None:
        self._as_it_is = model.task
        self._inputs = tuple(model.task.inputs(model.encoder))
        self._outputs = {
            f"outputs_{name}": tf.TensorSpec(shape, tf.float32) for name, shape in output_shapes(model).items()
        }

    @functools.cached_property
    def _task(self) -> Any:
        return portable(self._as_it_is)

    def functions(self, signature: str) -> dict[str, _Function]:
        """{name in the file: function} of one of the task's signatures."""
        columns = self._task.signatures[signature]
        features = graph_function(self._task.features, columns).get_concrete_function().structured_outputs
        if any(spec.shape.rank != 1 or spec.dtype != tf.string for spec in columns.values()):
            raise ExportError(f"its columns {', '.join(columns)} are not one text each")
        kinds = (tf.RaggedTensor, tf.RaggedTensorSpec)
        if ragged := [name for name, spec in features.items() if isinstance(spec, kinds)]:
            raise ExportError(f"{', '.join(ragged)} of its features have rows of several lengths")
        specs = {f"example_{name}": spec for name, spec in columns.items()}
        specs |= {f"features_{name}": tf.TensorSpec(spec.shape, spec.dtype) for name, spec in features.items()}
        specs |= self._outputs
        of_outputs = {f"answer_{signature}": _pruned(self._answer, specs)}
        if signature == "serving_default":
            for name, call in self._task.tf_serving_calls().items():
                of_outputs[f"call_{name}"] = _pruned(lambda given, call=call: call(self._answer(given)), specs)
        read = {name for function in of_outputs.values() for name in function.reads}
        names = [name for name in features if name in self._inputs or f"features_{name}" in read]

        def made(example):
            found = self._task.features(example)
            return {name: found[name] for name in names}

        return {f"features_{signature}": _Function(graph_function(made, columns), tuple(columns)), **of_outputs}

    def _answer(self, given):
        parts = {kind: {} for kind in _KINDS}
        for name, value in given.items():
            kind, _, key = name.partition("_")
            parts[kind][key] = value
        return self._task.answer(parts["example"], parts["features"], self._task.as_head(parts["outputs"]))


def _pruned(function: Callable, specs: Specs) -> _Function:
    """The function of those of the tensors alone that it reads."""
    concrete = graph_function(function, specs).get_concrete_function()
    used = {name: spec for (name, spec), value in zip(specs.items(), concrete.inputs, strict=True) if value.consumers()}
    rest = {name: spec for name, spec in specs.items() if name not in used}

    def of_used(given):
        return function({**{name: tf.zeros([1] * len(spec.shape), spec.dtype) for name, spec in rest.items()}, **given})

    return _Function(graph_function(of_used, used), tuple(used))


def _check(file: bytes, case: Case, signature: str, functions: dict[str, _Function]) -> None:
    """Raises an error where a file of the functions does not give a case's features and answers."""
    with temporary_folder() as folder:
        path = folder / "task.tflite"
        path.write_bytes(file)
        run = open_file(path)
        features = run[f"features_{signature}"](case.inputs)
        for name, wanted in case.features.items():
            if not np.array_equal(features[name], wanted):
                raise ExportError(f"its {name} are not those of the model")
        read = {
            **{f"example_{name}": value for name, value in case.inputs.items()},
            **{f"features_{name}": value for name, value in features.items()},
            **{f"outputs_{name}": value for name, value in case.outputs.items()},
        }
        for name, function in functions.items():
            if not name.startswith("features_"):
                found = run[name]({key: read[key] for key in function.reads})
                if name.startswith("answer_"):
                    golden.check_answers("task", case, next(iter(case.decided)), found)


def _file_of(functions: Mapping[str, _Function]) -> bytes:
    with temporary_folder() as saved:
        graphs = {name: function.graph for name, function in functions.items()}
        tf.saved_model.save(tf.Module(), str(saved), signatures=graphs)
        return converted(saved, list(functions), "float32")
