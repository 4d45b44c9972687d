"""How long a file takes for one text, measured in a process that has nothing else to do.

Threads of one runtime that wait for work keep a processor busy for a while, so files that one process asks in turn slow
each other. Run as a program, it reads what to ask from standard input and prints milliseconds.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfbert import cpu

_WARM, _ROUNDS = 5, 40
_PACKAGES = pathlib.Path(__file__).resolve().parents[2]  # where `tfbert` is


def milliseconds(
    format: str, path: str | os.PathLike, signature: str, inputs: Mapping[str, np.ndarray]
) -> float | None:
    """The median time of a call, with a thread on each processor; None, with a warning, where the process fails.

    Args:
        format: one of `artifact.FORMATS`.
        signature: of the file; ONNX has none.
        inputs: bytes and int32 by name, of one text.

    >>> milliseconds("onnx", "served/mine/onnx/model.onnx", "", features) > 0
    True
    """
    given = {name: [str(values.dtype), _as_text(values.tolist())] for name, values in inputs.items()}
    request = [format, os.path.abspath(path), signature, given, cpu.processors()]
    search = os.pathsep.join(filter(None, [str(_PACKAGES), os.environ.get("PYTHONPATH")]))
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, "PYTHONPATH": search}
    command = [sys.executable, "-m", __name__]
    process = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, env=environment)
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [f"its process ended with {process.returncode}"]
        logging.warning("%s: its latency could not be measured: %s", path, lines[-1])
        return None
    return float(process.stdout.splitlines()[-1])


def _as_text(values):
    """Nested lists for JSON."""
    if isinstance(values, list):
        return [_as_text(value) for value in values]
    return values.decode("utf-8", "surrogateescape") if isinstance(values, bytes) else values


def _as_bytes(values):
    if isinstance(values, list):
        return [_as_bytes(value) for value in values]
    return values.encode("utf-8", "surrogateescape") if isinstance(values, str) else values


def _opened(format: str, path: str, signature: str, threads: int) -> Callable[[dict[str, np.ndarray]], Any]:
    """A function of inputs to outputs, which has the threads."""
    if format == "onnx":
        from tfbert.export.onnx import files

        return files.open_file(path, threads)
    if format == "lite":
        from tfbert.export import lite

        return lite.open_file(path, threads)[signature]
    import tensorflow as tf

    from tfbert.text.operations import register_operations

    register_operations()
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    loaded = tf.saved_model.load(path)
    function = loaded.signatures[signature]  # the loaded object must outlive it
    return lambda inputs, _=loaded: {
        name: value.numpy()
        for name, value in function(**{name: tf.constant(values) for name, values in inputs.items()}).items()
    }


def main() -> None:
    """Reads a request of `milliseconds` and prints the answer."""
    format, path, signature, given, threads = json.load(sys.stdin)
    inputs = {name: np.array(_as_bytes(values), dtype) for name, (dtype, values) in given.items()}
    call = _opened(format, path, signature, threads)
    taken = []
    for _ in range(_WARM + _ROUNDS):
        began = time.perf_counter()
        call(inputs)
        taken.append(time.perf_counter() - began)
    print(1e3 * statistics.median(taken[_WARM:]))


if __name__ == "__main__":
    main()
