"""TensorFlow's C library: loads and runs a SavedModel as TF Serving does, without TensorFlow's Python package.

Importing that package takes seconds and 300 MB, and its eager runtime hands each call to threads of its own. The
library's API is stable: tensorflow/c/c_api.h, tf_tensor.h and tf_tstring.h say what each function takes.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib  # noqa: F401  # before the library, which has functions of OpenSSL's names; TensorFlow's package does so
import importlib.util
import pathlib
import ssl  # noqa: F401
from collections.abc import Iterable

import numpy as np
from tensorflow.core.framework import types_pb2

from tfbert.errors import ServingError

Pointer = ctypes.c_void_p
_STRING_SIZE = 24  # bytes of a TF_TString: three words


# Name -> (result, arguments) of the functions that take long: other threads of Python run meanwhile.
_LONG = {
    "TF_LoadLibrary": (Pointer, [ctypes.c_char_p, Pointer]),
    "TF_LoadSessionFromSavedModel": (
        Pointer,
        [Pointer, Pointer, ctypes.c_char_p, Pointer, ctypes.c_int, Pointer, Pointer, Pointer],
    ),
    "TF_SessionRun": (
        None,
        [Pointer, Pointer, Pointer, Pointer, ctypes.c_int, Pointer, Pointer, ctypes.c_int]
        + [Pointer, ctypes.c_int, Pointer, Pointer],
    ),
    "TF_CloseSession": (None, [Pointer, Pointer]),
    "TF_DeleteSession": (None, [Pointer, Pointer]),
    "TF_DeleteGraph": (None, [Pointer]),
}
_SHORT = {
    "TF_NewStatus": (Pointer, []),
    "TF_DeleteStatus": (None, [Pointer]),
    "TF_GetCode": (ctypes.c_int, [Pointer]),
    "TF_Message": (ctypes.c_char_p, [Pointer]),
    "TF_NewBuffer": (Pointer, []),
    "TF_DeleteBuffer": (None, [Pointer]),
    "TF_GraphGetOpDef": (None, [Pointer, ctypes.c_char_p, Pointer, Pointer]),
    "TF_NewBufferFromString": (Pointer, [ctypes.c_char_p, ctypes.c_size_t]),
    "TF_NewGraph": (Pointer, []),
    "TF_GraphOperationByName": (Pointer, [Pointer, ctypes.c_char_p]),
    "TF_OperationNumOutputs": (ctypes.c_int, [Pointer]),
    "TF_NewSessionOptions": (Pointer, []),
    "TF_DeleteSessionOptions": (None, [Pointer]),
    "TF_SetConfig": (None, [Pointer, ctypes.c_char_p, ctypes.c_size_t, Pointer]),
    "TF_AllocateTensor": (Pointer, [ctypes.c_int, Pointer, ctypes.c_int, ctypes.c_size_t]),
    "TF_NewTensor": (
        Pointer,
        [ctypes.c_int, Pointer, ctypes.c_int, Pointer, ctypes.c_size_t, Pointer, Pointer],
    ),
    "TF_DeleteTensor": (None, [Pointer]),
    "TF_TensorType": (ctypes.c_int, [Pointer]),
    "TF_TensorData": (Pointer, [Pointer]),
    "TF_TensorByteSize": (ctypes.c_size_t, [Pointer]),
    "TF_NumDims": (ctypes.c_int, [Pointer]),
    "TF_Dim": (ctypes.c_int64, [Pointer, ctypes.c_int]),
    "TF_StringCopy": (None, [Pointer, ctypes.c_char_p, ctypes.c_size_t]),
    "TF_StringDealloc": (None, [Pointer]),
    "TF_StringGetDataPointer": (Pointer, [Pointer]),
    "TF_StringGetSize": (ctypes.c_size_t, [Pointer]),
}


class Failed(Exception):
    """A function's status is not OK.

    Attributes:
        code: of the status, one of gRPC's.
        message: TensorFlow's, or None if it quotes bytes that are no UTF-8.
    """

    def __init__(self, code: int, message: str | None) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Library:
    """The functions, made by `library`."""

    def __init__(self, file: pathlib.Path) -> None:
        for kind, functions in ((ctypes.CDLL, _LONG), (ctypes.PyDLL, _SHORT)):
            # Global, as `import tensorflow` loads it: tensorflow-text's files must find its symbols.
            loaded = kind(str(file), ctypes.RTLD_GLOBAL)
            for name, (result, arguments) in functions.items():
                function = getattr(loaded, name)
                function.restype, function.argtypes = result, arguments
                setattr(self, name.removeprefix("TF_"), function)
        self._strings: dict[int, np.ndarray] = {}  # by address, of tensors that are alive
        self._free = ctypes.CFUNCTYPE(None, Pointer, ctypes.c_size_t, Pointer)(self._free_strings)

    def checked(self, name: str, *arguments: object) -> int:
        """What a function returns; its last argument, a TF_Status, is added here. Raises `Failed`."""
        status = self.NewStatus()
        try:
            result = getattr(self, name)(*arguments, status)
            if code := self.GetCode(status):
                try:
                    message = self.Message(status).decode()
                except UnicodeDecodeError:
                    message = None
                raise Failed(code, message)
            return result
        finally:
            self.DeleteStatus(status)

    def tensor(self, array: np.ndarray, dtype: int) -> int:
        """A TF_Tensor with a copy of the array's values, in TensorFlow's type of that number."""
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        if dtype == types_pb2.DT_STRING and array.size:
            memory = np.zeros(array.size * _STRING_SIZE, np.uint8)
            address = memory.ctypes.data
            for place, text in zip(range(address, address + memory.size, _STRING_SIZE), array.flat, strict=True):
                self.StringCopy(place, text, len(text))
            self._strings[address] = memory
            return self.NewTensor(dtype, shape, array.ndim, address, memory.size, self._free, None)
        array = np.asarray(array, order="C")
        tensor = self.AllocateTensor(dtype, shape, array.ndim, 0 if dtype == types_pb2.DT_STRING else array.nbytes)
        if array.size:
            ctypes.memmove(self.TensorData(tensor), array.ctypes.data, array.nbytes)
        return tensor

    def _free_strings(self, address: int, size: int, _: object) -> None:
        """Called when nothing of TensorFlow's holds the tensor any more."""
        for place in range(address, address + size, _STRING_SIZE):
            self.StringDealloc(place)
        del self._strings[address]

    def array(self, tensor: int, dtype: np.dtype) -> np.ndarray:
        """A copy of a TF_Tensor's values; strings are bytes objects."""
        shape = [self.Dim(tensor, axis) for axis in range(self.NumDims(tensor))]
        array = np.empty(shape, dtype)
        data = self.TensorData(tensor)
        if dtype.kind == "O":
            flat, pointer, size = array.reshape(-1), self.StringGetDataPointer, self.StringGetSize
            for number in range(len(flat)):
                place = data + number * _STRING_SIZE
                flat[number] = ctypes.string_at(pointer(place), size(place))
        elif array.size:
            ctypes.memmove(array.ctypes.data, data, array.nbytes)
        return array


@functools.cache
def library() -> Library:
    """The library of the installed TensorFlow; the one that `import tensorflow` uses too.

    Raises:
        ServingError: TensorFlow is not installed, or its folder has no such library.

    >>> library().TensorType(library().tensor(np.array([b"a text"], object), types_pb2.DT_STRING))
    7
    """
    spec = importlib.util.find_spec("tensorflow")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in map(pathlib.Path, folders):
        for file in sorted(folder.glob("libtensorflow_cc.*")):
            return Library(file)
    raise ServingError(
        f"TensorFlow's C library (libtensorflow_cc) is not in {', '.join(folders) or 'this environment'}: a SavedModel "
        "needs it; install tensorflow"
    )


def unregistered(operations: Iterable[str]) -> list[str]:
    """Those operations that are not loaded, sorted.

    >>> unregistered(["MatMul", "MatMool"])
    ['MatMool']
    """
    lib, found = library(), []
    graph = lib.NewGraph()
    for name in sorted(operations):
        definition = lib.NewBuffer()
        try:
            lib.checked("GraphGetOpDef", graph, name.encode(), definition)
        except Failed:
            found.append(name)
        lib.DeleteBuffer(definition)
    lib.DeleteGraph(graph)
    return found


@functools.cache
def load_operations(file: str) -> None:
    """Registers the operations of a library, as `tf.load_op_library` does; raises `Failed`."""
    library().checked("LoadLibrary", file.encode())
