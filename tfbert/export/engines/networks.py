"""A network's file -> a function of features, in LiteRT or ONNX Runtime, each call in one thread."""

from __future__ import annotations

import contextlib
import importlib
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tfbert.errors import ConfigError, ExportError
from tfbert.export.engines.onnx_inputs import feed_of
from tfbert.export.engines.rows import Arrays, Network
from tfbert.text.lite_kernels import lite_kernels

_IDS = "ids"  # export/lite.py: the signature of ids
_ERRORS_ALONE = 3  # of ONNX Runtime's log


def open_lite(path: pathlib.Path, *, kernels: bool = False) -> dict[str, Network]:
    """{signature: function} of a LiteRT file, for one thread: no two of them may be called at once.

    Args:
        kernels: with tensorflow-text's operations.

    >>> open_lite(pathlib.Path("served/mine/task/task.tflite"), kernels=True)  # doctest: +SKIP
    """
    litert = _imported("ai_edge_litert.interpreter", "lite")
    with _opening(path):
        if kernels:
            interpreter = litert.InterpreterWithCustomOps(
                model_path=str(path), num_threads=1, custom_op_registerers=lite_kernels()
            )
        else:
            interpreter = litert.Interpreter(model_path=str(path), num_threads=1)
        return {name: _LiteFunction(interpreter, name) for name in interpreter.get_signature_list()}


class _LiteFunction:
    """A signature of a LiteRT file."""

    def __init__(self, interpreter: Any, name: str) -> None:
        self._interpreter, self._name, self._run = interpreter, name, None
        self.reads = tuple(interpreter.get_signature_list()[name]["inputs"])

    def __call__(self, values: Mapping[str, np.ndarray]) -> Arrays:
        if self._run is None:  # memory is taken for the signatures that are used
            self._run = self._interpreter.get_signature_runner(self._name)
        return self._run(**{each: values[each] for each in self.reads})


def lite_networks(path: pathlib.Path, count: int) -> list[Network]:
    """So many functions of a LiteRT file's features, each for one thread.

    >>> lite_networks(pathlib.Path("served/mine/lite/model_int8.tflite"), 2)  # doctest: +SKIP
    """
    return [open_lite(path)[_IDS] for _ in range(count)]


def onnx_networks(path: pathlib.Path, count: int) -> list[Network]:
    """So many functions of an ONNX file's features; they share the weights.

    >>> onnx_networks(pathlib.Path("served/mine/onnx/model_int8.onnx"), 2)  # doctest: +SKIP
    """
    onnxruntime = _imported("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ALONE
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with _opening(path):
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [_OnnxFunction(session)] * count


class _OnnxFunction:
    """An ONNX file; several threads may call it."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.reads, self._feed = feed_of(session)
        self._outputs = [value.name for value in session.get_outputs()]

    def __call__(self, values: Mapping[str, np.ndarray]) -> Arrays:
        return dict(zip(self._outputs, self._session.run(self._outputs, self._feed(values)), strict=True))


_OPENERS: dict[str, Callable[[pathlib.Path, int], list[Network]]] = {"litert": lite_networks, "onnx": onnx_networks}


def open_networks(engine: str, path: pathlib.Path, count: int) -> list[Network]:
    """So many functions of a file's features, each for one thread.

    Args:
        engine: "litert" or "onnx".

    Raises:
        ExportError: the file is damaged.
        ConfigError: the runtime is not installed.

    >>> open_networks("onnx", pathlib.Path("served/mine/onnx/model_int8.onnx"), 2)  # doctest: +SKIP
    """
    return _OPENERS[engine](path, count)


@contextlib.contextmanager
def _opening(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the runtimes' own, of no common class
        raise ExportError(f"{path}: cannot be opened ({error}); export the model again") from error


def _imported(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        what = f"this engine needs {error.name}, which is not installed: pip install 'tfbert[{extra}]'"
        raise ConfigError(what) from None
