"""A SavedModel that TensorFlow's C library has loaded, and how its graph is run."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np

from tfbert.serving.models.tensorflow_library import Pointer, library

Function = Callable[[Sequence[np.ndarray]], list[np.ndarray]]


class Output(ctypes.Structure):
    """TF_Output: one of an operation's results."""

    _fields_ = (("operation", Pointer), ("index", ctypes.c_int))


class Session:
    """A SavedModel whose graph is run; several threads may run it.

    Each call runs in the thread that calls, and an operation in as many more as `threads` allows. The first session
    of a process decides about `threads`.

    Raises:
        Failed: the folder cannot be loaded.
    """

    def __init__(self, folder: str, config: bytes, run_options: bytes) -> None:
        self._library = lib = library()
        self._options = lib.NewBufferFromString(run_options, len(run_options))
        options, self._graph = lib.NewSessionOptions(), lib.NewGraph()
        try:
            lib.checked("SetConfig", options, config, len(config))
            tags = (ctypes.c_char_p * 1)(b"serve")
            self._session = lib.checked(
                "LoadSessionFromSavedModel", options, self._options, folder.encode(), tags, 1, self._graph, None
            )
        except BaseException:
            lib.DeleteGraph(self._graph)
            raise
        finally:
            lib.DeleteSessionOptions(options)

    def function(self, inputs: Sequence[tuple[str, int]], outputs: Sequence[tuple[str, np.dtype]]) -> Function:
        """Inputs -> outputs; each is an operation's result by name, such as "StatefulPartitionedCall:0", with its type.

        The function raises `Failed` if an operation fails.

        Raises:
            KeyError: the graph lacks a result, which it names.
        """
        lib, call = self._library, self._library.checked
        feeds = (Output * len(inputs))(*[self._output(name) for name, _ in inputs])
        fetches = (Output * len(outputs))(*[self._output(name) for name, _ in outputs])
        types, Tensors, Results = [number for _, number in inputs], Pointer * len(inputs), Pointer * len(outputs)

        def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
            tensors, results = [], Results()
            try:
                for array, number in zip(arrays, types, strict=True):
                    tensors.append(lib.tensor(array, number))
                call(
                    *("SessionRun", self._session, self._options, feeds, Tensors(*tensors), len(feeds)),
                    *(fetches, results, len(fetches), None, 0, None),
                )
                return [lib.array(tensor, dtype) for tensor, (_, dtype) in zip(results, outputs, strict=True)]
            finally:
                for tensor in filter(None, [*tensors, *results]):
                    lib.DeleteTensor(tensor)

        return run

    def _output(self, name: str) -> Output:
        operation, _, index = name.partition(":")
        found = self._library.GraphOperationByName(self._graph, operation.encode())
        if not found or not index.isdecimal() or int(index) >= self._library.OperationNumOutputs(found):
            raise KeyError(name)
        return Output(found, int(index))

    def __del__(self) -> None:
        if session := vars(self).get("_session"):
            for name in ("CloseSession", "DeleteSession"):
                self._library.checked(name, session)
            self._library.DeleteGraph(self._graph)
