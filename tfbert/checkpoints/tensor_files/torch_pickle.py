"""The pickle inside pytorch_model.bin, read without PyTorch and without running anything that it asks for.

Two checks keep it from running code: all operations are checked before the first one runs, and the unpickler knows the
names in `_NAMES` and no others. A pickle of a few bytes may describe a container that holds another many times, or
itself: no container is compared, hashed or shown, so the costs are those of the bytes.
Source: torch/serialization.py, torch/_utils.py; pickletools for the operations.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

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
_MOST_OPERATIONS = 1_000_000  # a network of a thousand layers has half a million
_CONTAINERS = frozenset("EMPTY_DICT EMPTY_LIST LIST TUPLE TUPLE1 TUPLE2 TUPLE3 DICT REDUCE BINPERSID".split())
_MOST_CONTAINERS = 200_000  # a tensor has six
_MOST_NUMBERS = 1 << 48  # of a storage or a dimension
_MOST_DIMENSIONS = 64  # as PyTorch


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
    containers = 0
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
            containers += operation.name in _CONTAINERS
            if count > _MOST_OPERATIONS:
                raise CheckpointError(f"{path}: its pickle has over {_MOST_OPERATIONS:,} operations")
            if containers > _MOST_CONTAINERS:
                raise CheckpointError(f"{path}: its pickle has over {_MOST_CONTAINERS:,} containers")
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


_PythonUnpickler: Any = pickle._Unpickler  # typeshed's has no operations


class _Unpickler(_PythonUnpickler):  # Python's own, of which single operations can be replaced
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, stream: io.BytesIO, path: str | os.PathLike[str]) -> None:
        super().__init__(stream, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        return _admit(module, name, self._path)

    def persistent_load(self, saved: Any) -> Storage:
        if not (isinstance(saved, tuple) and len(saved) in (5, 6)):
            raise CheckpointError(f"{self._path}: its pickle refers to {_kind(saved)}, no storage of a tensor")
        word, kind, key, _, length, *view = saved
        begin = 0
        if view and view[0] is not None:
            begin = view[0][1]
        if word != "storage" or not (isinstance(kind, _StorageKind) and isinstance(key, (str, int))):
            raise CheckpointError(
                f"{self._path}: its pickle refers to a tuple with {_kind(kind)} and {_kind(key)}, no storage of a "
                "tensor"
            )
        return Storage(str(key), kind.dtype, _count(length), _count(begin))

    # Python's names of the attributes that these operations use, which are the same since 3.4

    def _load_empty_dict(self) -> None:
        self.append(_Dict())

    def _load_dict(self) -> None:
        items = self.pop_mark()
        self.append(_Dict(zip(items[::2], items[1::2], strict=True)))

    def _load_build(self) -> None:
        self.stack.pop()  # torch's `_metadata`
        if not isinstance(self.stack[-1], _StateDict):  # a function's attributes would change for all files
            raise ValueError(f"attributes for {_kind(self.stack[-1])}")

    dispatch[pickle.EMPTY_DICT[0]] = _load_empty_dict
    dispatch[pickle.DICT[0]] = _load_dict
    dispatch[pickle.BUILD[0]] = _load_build


class _Dict(dict):
    """A dictionary with keys whose hash takes no time: that of a tuple takes as long as what it holds, counted each
    time that it is held."""

    def __init__(self, items: Any = ()) -> None:
        super().__init__()
        for key, value in items.items() if isinstance(items, dict) else items:
            self[key] = value

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(key, (str, int)):
            raise ValueError(f"a key of a dictionary is {_kind(key)}, neither text nor an integer")
        super().__setitem__(key, value)


class _StateDict(_Dict):
    """What a pickle has as an OrderedDict, with attributes that are dropped."""


def _kind(value: Any) -> str:
    """What errors say of a value: what it holds may be shown only after 2^40 steps."""
    return f"an object of type {type(value).__name__}"


class _StorageKind(str):
    dtype = property(str)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{_kind(value)} is no number of elements")
    if not 0 <= value <= _MOST_NUMBERS:
        raise ValueError(f"a number of elements is negative or over {_MOST_NUMBERS}")
    return value


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    if not len(shape) == len(strides) <= _MOST_DIMENSIONS:
        raise ValueError("a tensor whose shape and strides do not agree, or of too many dimensions")
    return Tensor(storage, _count(offset), tuple(map(_count, shape)), tuple(map(_count, strides)))


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


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
            f"{path}: its pickle asks for {module:.80}.{name:.80}, which is no tensor; nothing of it was run. A "
            "checkpoint that needs this to be read may run any program: ask for model.safetensors instead"
        )
    return _NAMES[module, name]
