"""tensorflow-text's operations in LiteRT."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

_LIBRARIES = "libtensorflow_framework*"  # with .so.2 or .2.dylib
_KERNELS = "core/pybinds/tflite_registrar"
_may_be_alone = False


def lite_kernels() -> Sequence[Any]:
    """Returns what an interpreter registers to run a portable tokenizer: its `custom_op_registerers`.

    >>> settings = {"model_path": "model.tflite", "custom_op_registerers": lite_kernels()}  # InterpreterWithCustomOps'
    """
    if _may_be_alone and "tensorflow" not in sys.modules and (alone := _alone()) is not None:
        return [getattr(alone, name) for name in dir(alone) if name.startswith("Add")]
    import tensorflow_text  # here, so that ids-in models load without it

    return tensorflow_text.tflite_registrar.SELECT_TFTEXT_OPS


def never_import_tensorflow() -> None:
    """Lets `lite_kernels` load the kernels without TensorFlow, for a program that does not import it afterwards.

    A process that imports tensorflow_text later, in which the kernels are then twice, crashes when it ends.

    >>> never_import_tensorflow()  # doctest: +SKIP
    """
    global _may_be_alone
    _may_be_alone = True


@functools.cache
def _alone() -> ModuleType | None:
    """The module of the kernels without the packages around it, which import TensorFlow; None if it is elsewhere.

    It needs of TensorFlow one library, of 50 MB in memory.
    """
    found = [importlib.util.find_spec(name) for name in ("tensorflow", "tensorflow_text")]
    if not all(spec and spec.submodule_search_locations for spec in found):
        return None
    folders = [pathlib.Path(list(spec.submodule_search_locations)[0]) for spec in found]
    libraries = sorted(folders[0].glob(_LIBRARIES))
    files = [folders[1] / f"{_KERNELS}{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES]
    file = next((each for each in files if each.exists()), None)
    if not libraries or file is None:
        return None
    try:
        with _without_stderr():
            ctypes.CDLL(str(libraries[0]))  # its names for the kernels alone: LiteRT has others like them
        spec = importlib.util.spec_from_file_location(file.name.partition(".")[0], file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except (ImportError, OSError):
        return None
    return module


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Leaves out what the library writes when it is loaded: that there is no GPU. No setting reaches it so early."""
    stderr = os.dup(2)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
