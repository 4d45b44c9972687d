"""SavedModels asked in a process that has what a server has: TensorFlow's runtime and tf-text's compiled operations."""

import json
import subprocess
import sys

import numpy as np

PROGRAM = """
import importlib.util, json, pathlib, sys
for name in ("keras", "tf_keras", "keras_hub", "tfbert"):
    sys.modules[name] = None  # an import of it is an ImportError
import numpy, tensorflow
operations = pathlib.Path(importlib.util.find_spec("tensorflow_text").origin).parent / "python/ops"
for library in operations.glob("*.so"):
    tensorflow.load_op_library(str(library))
for number, (folder, signature, inputs) in enumerate(json.load(open("requests.json"))):
    loaded = tensorflow.saved_model.load(folder)  # must outlive its signature
    function = loaded.signatures[signature]
    dtypes = {name: spec.dtype for name, spec in function.structured_input_signature[1].items()}
    values = function(**{name: tensorflow.constant(given, dtypes[name]) for name, given in inputs.items()})
    numpy.savez(f"{number}.npz", **{name: value.numpy() for name, value in values.items()})
assert sys.modules["keras"] is None
"""


def answers_alone(requests, tmp_path):
    """The outputs, dicts of arrays, of (SavedModel folder, signature, {input: values}) requests."""
    (tmp_path / "requests.json").write_text(json.dumps([(str(folder), *rest) for folder, *rest in requests]))
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    return [dict(np.load(tmp_path / f"{i}.npz", allow_pickle=True)) for i in range(len(requests))]
