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
from tfbert.export.engines.onnx_inputs import HUGGING_FACE, feed_of
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
    model: TaskModel,
    folder: str | os.PathLike,
    precisions: Sequence[str] = PRECISIONS["onnx"],
    inputs: str = "tfbert",
) -> list[Variant]:
    """Writes model.onnx and model_int8.onnx into a folder; returns their `Variant`s.

    Inputs are the network's features, int32: token_ids, segment_ids, padding_mask [B, S], of relations also head_start
    and tail_start [B]. Outputs are the task's, float32, such as logits. B and S are free.

    Args:
        inputs: "hugging_face": the first three are input_ids, token_type_ids and attention_mask, int64, as those of
            files that Hugging Face's exporter writes.

    Raises ExportError for a task without a head in ONNX.
    """
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.export.onnx.int8 import quantize

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    graph, task = GraphWriter(), model.task
    task.write_onnx_head(graph, model.network, model.encoder, model.encoder.write_onnx(graph))
    shapes = {name: _shape(axes) for name, axes in task.inputs(model.encoder).items()}
    outputs = {name: _shape(task.outputs[name], shape) for name, shape in output_shapes(model).items()}
    settings = json.dumps(task.settings(), ensure_ascii=False)
    proto = graph.model(shapes, outputs, {"task": task.name, "settings": settings})
    if inputs == "hugging_face":
        _rename_inputs(proto)
    paths = {"float32": folder / "model.onnx", "int8": folder / "model_int8.onnx"}
    for precision in precisions:
        (quantize if precision == "int8" else onnx.save)(proto, paths[precision])
    return [Variant("onnx", name, paths[name], {}, network=_network(model, paths[name])) for name in precisions]


def _rename_inputs(proto: onnx.ModelProto) -> None:
    """Gives inputs the names and the type of Hugging Face's; the rest of the graph reads them as it did."""
    for value in proto.graph.input:
        if (ours := value.name) in HUGGING_FACE:
            value.name, value.type.tensor_type.elem_type = HUGGING_FACE[ours], onnx.TensorProto.INT64
            cast = onnx.helper.make_node("Cast", [value.name], [ours], to=onnx.TensorProto.INT32)
            proto.graph.node.insert(0, cast)
    onnx.checker.check_model(proto, full_check=True)


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
    """A function of features, by tfbert's names, to the file's output, or to a dict of several by name.

    It uses `threads` processors, or all of them if 0.

    >>> open_file("served/mine/onnx/model.onnx")(features).shape
    (2, 2)
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ALONE
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    _, feed = feed_of(session)
    outputs = [value.name for value in session.get_outputs()]

    def network(features):
        values = session.run(outputs, feed(features))
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
