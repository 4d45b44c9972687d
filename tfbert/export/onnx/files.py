"""A task model -> ONNX files that take ids: float32, and int8 by dynamic quantization. B batch, S sequence.

Tokenizers have no ONNX operations: the files beside the model (vocab.txt, tokenizer_config.json) are for any tokenizer.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfbert.errors import ConfigError
from tfbert.export.artifact import PRECISIONS, Variant, output_shapes
from tfbert.temporary import temporary_folder

if TYPE_CHECKING:
    from tfbert.models.task_model import TaskModel

try:
    import onnx
    import onnxruntime
except ModuleNotFoundError as error:
    raise ConfigError(f"ONNX needs {error.name}, which is not installed: pip install 'tfbert[onnx]'") from None

_NAMES = {"W": "batch", "S": "sequence"}  # of free axes
_ERRORS_ALONE = 3  # ONNX Runtime's log; it warns that an optimized file fits this machine alone, which is then deleted


def write_onnx(
    model: TaskModel, folder: str | os.PathLike, precisions: Sequence[str] = PRECISIONS["onnx"]
) -> list[Variant]:
    """Writes model.onnx and model_int8.onnx into a folder; returns their `Variant`s.

    Inputs are the network's features, int32: token_ids, segment_ids, padding_mask [B, S], of relations also head_start
    and tail_start [B]. Outputs are the task's, float32, such as logits. B and S are free.

    Raises ExportError for a task without a head in ONNX.
    """
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.export.onnx.int8 import quantize

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    graph, task = GraphWriter(), model.task
    task.write_onnx_head(graph, model.network, model.encoder, model.encoder.write_onnx(graph))
    inputs = {name: _shape(axes) for name, axes in task.inputs(model.encoder).items()}
    outputs = {name: _shape(task.outputs[name], shape) for name, shape in output_shapes(model).items()}
    settings = json.dumps(task.settings(), ensure_ascii=False)
    proto = graph.model(inputs, outputs, {"task": task.name, "settings": settings})
    paths = {"float32": folder / "model.onnx", "int8": folder / "model_int8.onnx"}
    for precision in precisions:
        (quantize if precision == "int8" else onnx.save)(proto, paths[precision])
    return [Variant("onnx", name, paths[name], {}, network=_network(model, paths[name])) for name in precisions]


def _network(model: TaskModel, path: pathlib.Path) -> Callable[[dict], dict[str, np.ndarray]]:
    run = open_file(path)
    return lambda features: model.task.named(run(features))


def _shape(axes: str, sizes: Sequence[int | None] | None = None) -> list[int | str]:
    """A shape as ONNX has it: numbers, and names of sizes that are free."""
    letters = axes.split()
    return [
        _NAMES.get(axis, axis) if size is None else size
        for axis, size in zip(letters, sizes or [None] * len(letters), strict=True)
    ]


def open_file(path: str | os.PathLike, threads: int = 0) -> Callable[[dict], np.ndarray | dict[str, np.ndarray]]:
    """A function of features, a dict of int32 arrays, to the file's output, or to a dict of several by name.

    It uses `threads` processors, or all of them if 0.

    >>> open_file("served/mine/onnx/model.onnx")(features).shape
    (2, 2)
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ALONE
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    names, outputs = ([value.name for value in values] for values in (session.get_inputs(), session.get_outputs()))

    def network(features):
        values = session.run(outputs, {name: np.asarray(features[name], np.int32) for name in names})
        return values[0] if len(outputs) == 1 else dict(zip(outputs, values, strict=True))

    return network


def operations_when_loaded(path: str | os.PathLike) -> collections.Counter:
    """A Counter of the operations that ONNX Runtime runs for a file, after its own optimization.

    >>> operations_when_loaded("served/mine/onnx/model.onnx")["Attention"]
    1
    """
    with temporary_folder() as folder:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ALONE
        options.optimized_model_filepath = str(folder / "optimized.onnx")
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return collections.Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)
