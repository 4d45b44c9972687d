"""The pickle inside pytorch_model.bin, read without PyTorch and without running anything that it asks for.

Two checks keep it from running code: all operations are checked before the first one runs, and the unpickler knows the
names in `_NAMES` and no others.
Source: torch/serialization.py, torch/_utils.py; pickletools for the operations.
"""

from __future__ import annotations

import collections
import io
import os
import pickle
import pickletools
from collections.abc import Iterator
from typing import Any, NamedTuple

from tfbert.errors import CheckpointError

# torch's storage classes -> numpy's dtypes; numpy has no bfloat16, the reader widens it
STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
}
# The operations that write a dictionary of tensors; they call nothing but what find_class returns.
_OPERATIONS = frozenset(
    "PROTO FRAME STOP MARK POP POP_MARK EMPTY_DICT EMPTY_LIST EMPTY_TUPLE LIST TUPLE TUPLE1 TUPLE2 TUPLE3 DICT "
    "SETITEM SETITEMS APPEND APPENDS NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 STRING BINSTRING SHORT_BINSTRING GLOBAL REDUCE BUILD BINPERSID "
    "PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET".split()
)
_MOST_OPERATIONS = 10_000_000  # a network of a thousand layers has half a million


class Storage(NamedTuple):
    """A run of numbers in the file."""

    key: str
    dtype: str  # of STORAGES
    length: int  # numbers
    begin: int  # its first number in what the key names


class Tensor(NamedTuple):
    """A view of a storage: its first number, and its shape and strides in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def pickle_end(data: bytes, begin: int, path: str | os.PathLike[str]) -> int:
    """The end of the pickle that begins at byte `begin`, after a check of all its operations.

    Raises:
        CheckpointError: it asks for anything but tensors, or is no pickle.

    >>> pickle_end(pickle.dumps({"a": 1}, protocol=2) + b"...", 0, "pytorch_model.bin")
    17
    """
    stream = io.BytesIO(data)
    stream.seek(begin)
    operations: Iterator[tuple[Any, Any, int | None]] = pickletools.genops(stream)
    try:
        for count, (operation, argument, position) in enumerate(operations):
            if operation.name == "GLOBAL":
                module, name = argument.split(" ", 1)
                _admit(module, name, path)
            if operation.name not in _OPERATIONS:
                raise CheckpointError(
                    f"{path}: its pickle has the operation {operation.name} at byte {position}, which no dictionary of "
                    "tensors needs; nothing of it was run"
                )
            if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > count:
                raise CheckpointError(f"{path}: its pickle numbers an object {argument} after {count} operations")
            if count > _MOST_OPERATIONS:
                raise CheckpointError(f"{path}: its pickle has over {_MOST_OPERATIONS:,} operations")
    except (ValueError, AttributeError, OverflowError, MemoryError, EOFError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} holds no sound pickle: {error}") from None
    return stream.tell()


def load_pickle(data: bytes, path: str | os.PathLike[str]) -> Any:
    """The object of a pickle, with a `Tensor` for each tensor.

    Raises:
        CheckpointError: as `pickle_end`.

    >>> load_pickle(pickle.dumps({"a": 1}, protocol=2), "pytorch_model.bin")
    {'a': 1}
    """
    pickle_end(data, 0, path)
    try:
        return _Unpickler(io.BytesIO(data), path).load()
    except CheckpointError:
        raise
    except Exception as error:  # the operations of a damaged pickle raise anything
        raise CheckpointError(f"{path} holds no sound pickle: {type(error).__name__}: {error}") from None


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, path: str | os.PathLike[str]) -> None:
        super().__init__(stream, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        return _admit(module, name, self._path)

    def persistent_load(self, saved: Any) -> Storage:
        if not (isinstance(saved, tuple) and len(saved) in (5, 6) and saved[0] == "storage"):
            raise CheckpointError(f"{self._path}: its pickle refers to {saved!r:.80}, no storage of a tensor")
        _, kind, key, _, length, *view = saved
        begin = 0
        if view and view[0] is not None:
            begin = view[0][1]
        if not (isinstance(kind, _StorageKind) and isinstance(key, (str, int))):
            raise CheckpointError(f"{self._path}: its pickle refers to {saved!r:.80}, no storage of a tensor")
        return Storage(str(key), kind.dtype, _count(length), _count(begin))


class _StorageKind(str):
    dtype = property(str)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r:.40} is no number of elements")
    return value


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    if not isinstance(storage, Storage) or len(shape) != len(strides):
        raise ValueError("a tensor without a storage")
    return Tensor(storage, _count(offset), tuple(map(_count, shape)), tuple(map(_count, strides)))


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


class _StateDict(collections.OrderedDict):
    """A dictionary that drops torch's `_metadata`, which the operation BUILD hands over."""

    def __setstate__(self, state: Any) -> None:
        pass


_NAMES = {
    ("collections", "OrderedDict"): _StateDict,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    **{("torch", name): _StorageKind(dtype) for name, dtype in STORAGES.items()},
}


def _admit(module: str, name: str, path: str | os.PathLike[str]) -> Any:
    if (module, name) not in _NAMES:
        raise CheckpointError(
            f"{path}: its pickle asks for {module}.{name}, which is no tensor; nothing of it was run. A checkpoint "
            "that needs this to be read may run any program: ask for model.safetensors instead"
        )
    return _NAMES[module, name]
