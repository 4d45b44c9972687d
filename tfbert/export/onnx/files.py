"""A task model -> ONNX files that take ids: float32, and int8 by dynamic quantization. B batch, S sequence.

Tokenizers have no ONNX operations: the files beside the model (vocab.txt, tokenizer_config.json) are for any tokenizer.
"""

import collections
import json
import pathlib
import tempfile

import numpy as np

from tfbert.errors import ConfigError
from tfbert.export.artifact import PRECISIONS, Variant, ids_inputs, output_name

try:
    import onnx
    import onnxruntime
except ModuleNotFoundError as error:
    raise ConfigError(f"ONNX needs {error.name}, which is not installed: pip install 'tfbert[onnx]'") from None

_ERRORS_ALONE = 3  # ONNX Runtime's log; it warns that an optimized file fits this machine alone, which is then deleted


def write_onnx(model, folder, precisions=PRECISIONS["onnx"]):
    """Writes model.onnx and model_int8.onnx into a folder; returns their `Variant`s.

    Inputs are the network's features, int32: token_ids, segment_ids, padding_mask [B, S], of relations also head_start
    and tail_start [B]. The output is logits or embedding, float32. B and S are free.

    Raises ExportError for a task without a head in ONNX.
    """
    from tfbert.export.onnx.graph import GraphWriter
    from tfbert.export.onnx.heads import write_head
    from tfbert.export.onnx.int8 import quantize

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    graph, name = GraphWriter(), output_name(model.task)
    shape = write_head(graph, model, model.encoder.write_onnx(graph), name)
    inputs = {name: ["batch", "sequence"][:rank] for name, rank in ids_inputs(model).items()}
    settings = json.dumps(model.task.settings(), ensure_ascii=False)
    proto = graph.model(inputs, {name: shape}, {"task": model.task.name, "settings": settings})
    paths = {"float32": folder / "model.onnx", "int8": folder / "model_int8.onnx"}
    for precision in precisions:
        (quantize if precision == "int8" else onnx.save)(proto, paths[precision])
    return [Variant("onnx", name, paths[name], {}, network=open_file(paths[name])) for name in precisions]


def open_file(path, threads=0):
    """A function of features, a dict of int32 arrays, to the file's output; all processors unless given.

    >>> open_file("served/mine/onnx/model.onnx")(features).shape
    (8, 2)
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ALONE
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    names = [value.name for value in session.get_inputs()]

    def network(features):
        return session.run(None, {name: np.asarray(features[name], np.int32) for name in names})[0]

    return network


def operations_when_loaded(path):
    """A Counter of the operations that ONNX Runtime runs for a file, after its own optimization.

    >>> operations_when_loaded("served/mine/onnx/model.onnx")["Attention"]
    6
    """
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ALONE
        options.optimized_model_filepath = str(pathlib.Path(folder) / "optimized.onnx")
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return collections.Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)
