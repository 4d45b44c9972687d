"""pytorch_model.bin: PyTorch's zip archives and the older files of pickles, without PyTorch.

Source: torch/serialization.py, _save and _legacy_save.
"""

from __future__ import annotations

import math
import os
import pathlib
import struct
import zipfile
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from tfbert.checkpoints.tensor_files.torch_pickle import Storage, Tensor, load_pickle, pickle_end
from tfbert.errors import CheckpointError

_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of an older file
_LARGEST_PICKLE = 64 << 20  # bytes; a state dict of a network of a thousand layers has one
_END_OF_ZIP = 22  # bytes of the last record of an archive without a comment


class TorchFile:
    """A `TensorFile`.

    Raises:
        CheckpointError: damaged, truncated, padded, or with anything but tensors in it.

    >>> TorchFile("pytorch_model.bin").shapes
    {'bias': (2,)}
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        try:
            with open(self.path, "rb") as file:
                is_zip = file.read(4) == b"PK\x03\x04"
            self._zip = self._open_zip() if is_zip else None
            state = self._legacy_state() if self._zip is None else self._zip_state(self._zip)
        except (OSError, zipfile.BadZipFile, struct.error, UnicodeDecodeError, NotImplementedError, EOFError) as error:
            raise CheckpointError(f"{self.path} is damaged or no file of PyTorch: {error}") from None
        if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
            state = state["state_dict"]  # a training loop's own checkpoint
        if not isinstance(state, dict):
            raise CheckpointError(f"{self.path} holds {type(state).__name__}, not a dictionary of tensors")
        self._tensors = {name: t for name, t in state.items() if isinstance(name, str) and isinstance(t, Tensor)}
        for name, tensor in self._tensors.items():
            self._check(name, tensor)
        self.shapes = {name: tensor.shape for name, tensor in self._tensors.items()}

    def read(self, name: str) -> np.ndarray:
        storage, offset, shape, strides = self._tensors[name]
        if storage.dtype[0] in "iu":
            raise CheckpointError(f"{self.path}: tensor {name} is of integers, not floating-point numbers")
        data = self._storage_bytes(storage, name)
        kind = np.dtype("u2" if storage.dtype == "bfloat16" else storage.dtype).newbyteorder(self._byte_order)
        numbers = np.frombuffer(data, kind)[storage.begin + offset :]
        value = np.lib.stride_tricks.as_strided(numbers, shape, [step * kind.itemsize for step in strides])
        if storage.dtype == "bfloat16":  # the upper half of a float32
            value = (value.astype(np.uint32) << 16).view(np.float32)
        return value

    def _check(self, name: str, tensor: Tensor) -> None:
        """A tensor is a view of a storage: it must lie in it, and be no larger."""
        storage, offset, shape, strides = tensor
        last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
        stored = self._lengths.get(storage.key)
        if 0 in shape or math.prod(shape) > storage.length or last >= storage.length:
            raise CheckpointError(f"{self.path}: tensor {name} with shape {list(shape)} does not lie in its storage")
        size = _item_size(storage)
        if stored is None or (storage.begin + storage.length) * size > stored:
            raise CheckpointError(f"{self.path}: the storage of tensor {name} is missing or too short")
        if self._zip is not None and storage.length * size != stored:
            raise CheckpointError(f"{self.path}: the storage of tensor {name} has another length than its pickle says")

    # since PyTorch 1.6: a zip archive, not compressed

    def _open_zip(self) -> zipfile.ZipFile:
        archive = zipfile.ZipFile(self.path)
        with open(self.path, "rb") as file:
            file.seek(-_END_OF_ZIP, 2)
            ends = file.read(4) == b"PK\x05\x06"
        if not ends or min((info.header_offset for info in archive.infolist()), default=-1) != 0:
            raise CheckpointError(f"{self.path} has bytes before or after its archive: it is padded or damaged")
        size = self.path.stat().st_size
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > size or info.flag_bits & 1:
                raise CheckpointError(f"{self.path}: {info.filename} is compressed or longer than the file")
        return archive

    def _zip_state(self, archive: zipfile.ZipFile) -> Any:
        roots = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise CheckpointError(f"{self.path} is a zip archive without the data.pkl of PyTorch")
        self._root = roots[0]
        entries = {info.filename.removeprefix(self._root): info for info in archive.infolist()}
        order = archive.read(entries["byteorder"]).strip() if "byteorder" in entries else b"little"
        if order not in (b"little", b"big"):
            raise CheckpointError(f"{self.path}: its byte order is {order!r}, neither little nor big")
        self._byte_order: Literal["<", ">"] = "<" if order == b"little" else ">"
        if entries["data.pkl"].file_size > _LARGEST_PICKLE:
            raise CheckpointError(f"{self.path}: its data.pkl is too long for a dictionary of tensors")
        begin = len("data/")
        self._lengths = {name[begin:]: info.file_size for name, info in entries.items() if name.startswith("data/")}
        return load_pickle(archive.read(entries["data.pkl"]), self.path)

    # earlier: five pickles, then the length and the bytes of each storage

    def _legacy_state(self) -> Any:
        size = self.path.stat().st_size
        with open(self.path, "rb") as file:
            head = file.read(_LARGEST_PICKLE)
            pickles, begin = [], 0
            for _ in range(5):  # magic number, protocol, byte order, the state dict, the storages' keys
                end = pickle_end(head, begin, self.path)
                pickles.append(load_pickle(head[begin:end], self.path))
                begin = end
                if pickles[0] != _MAGIC:
                    raise CheckpointError(f"{self.path} is no file of PyTorch")
            _, _, system, state, keys = pickles
            self._byte_order = "<" if isinstance(system, dict) and system.get("little_endian") else ">"
            sizes = {str(s.key): _item_size(s) for s in _storages(state)}
            self._begins, self._lengths = {}, {}
            if (
                not isinstance(keys, list)
                or not all(isinstance(key, (str, int)) for key in keys)
                or not {str(key) for key in keys} <= set(sizes)
            ):
                raise CheckpointError(f"{self.path}: its list of storages is damaged")
            for key in map(str, keys):
                file.seek(begin)
                (count,) = struct.unpack(self._byte_order + "q", file.read(8))
                self._begins[key], self._lengths[key] = begin + 8, count * sizes[key]
                begin += 8 + self._lengths[key]
                if count < 0 or begin > size:
                    raise CheckpointError(f"{self.path} is truncated, or a length in it is wrong")
        if begin != size:
            raise CheckpointError(f"{self.path} has {size - begin} bytes after its last tensor")
        return state

    def _storage_bytes(self, storage: Storage, name: str) -> bytes:
        try:
            if self._zip is not None:
                return self._zip.read(f"{self._root}data/{storage.key}")
            with open(self.path, "rb") as file:
                file.seek(self._begins[storage.key])
                return file.read(self._lengths[storage.key])
        except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise CheckpointError(f"{self.path}: tensor {name} cannot be read: {error}") from None


def _item_size(storage: Storage) -> int:
    return 2 if storage.dtype == "bfloat16" else np.dtype(storage.dtype).itemsize


def _storages(state: Any) -> Iterator[Storage]:
    """All storages of the tensors in a dictionary of dictionaries, each of which is visited once: a damaged one may
    hold itself, or another many times."""
    left, seen = [state], set()
    while left:
        value = left.pop()
        if isinstance(value, Tensor):
            yield value.storage
        elif isinstance(value, dict) and id(value) not in seen:
            seen.add(id(value))
            left += value.values()
