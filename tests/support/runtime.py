"""SavedModels asked in a process that has what a server has: TensorFlow's runtime and tf-text's compiled operations."""

import pickle
import subprocess
import sys

PROGRAM = """
import importlib.util, pathlib, pickle, sys
for name in ("keras", "tf_keras", "keras_hub", "tfbert"):
    sys.modules[name] = None  # an import of it is an ImportError
import tensorflow
operations = pathlib.Path(importlib.util.find_spec("tensorflow_text").origin).parent / "python/ops"
for library in operations.glob("*.so"):
    tensorflow.load_op_library(str(library))
loaded = {}  # must outlive their signatures
while True:
    try:
        folder, signature, inputs = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    if folder not in loaded:
        loaded = {folder: tensorflow.saved_model.load(folder)}
    function = loaded[folder].signatures[signature]
    dtypes = {name: spec.dtype for name, spec in function.structured_input_signature[1].items()}
    values = function(**{name: tensorflow.constant(given, dtypes[name]) for name, given in inputs.items()})
    assert sys.modules["keras"] is None
    pickle.dump({name: value.numpy() for name, value in values.items()}, sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


class Runtime:
    """A context manager; the process starts with the first question."""

    def __init__(self, folder):
        self._folder, self._process = folder, None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(timeout=60)

    def ask(self, folder, inputs, signature="serving_default"):
        """The outputs, {name: array}, of a signature of a SavedModel for {input: values}."""
        if self._process is None:
            with open(self._folder / "errors.txt", "wb") as errors:
                command = [sys.executable, "-P", "-c", PROGRAM]
                pipe = subprocess.PIPE
                self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, cwd=self._folder)
        pickle.dump((str(folder), signature, inputs), self._process.stdin)
        self._process.stdin.flush()
        try:
            return pickle.load(self._process.stdout)
        except EOFError:
            raise AssertionError((self._folder / "errors.txt").read_text(errors="replace")[-3000:]) from None
