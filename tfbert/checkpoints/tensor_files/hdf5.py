"""HDF5 files of weights, as Keras 2 and 3 write them: tf_model.h5 and model.weights.h5."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import h5py
import numpy as np

from tfbert import memory
from tfbert.errors import CheckpointError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Version of the superblock -> the byte in it at which the file's length stands (HDF5 File Format Specification, II.A)
_END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}


class HDF5File:
    """A `TensorFile` whose names are the paths of data sets.

    Raises:
        CheckpointError: truncated, padded, damaged, or with data sets that are stored elsewhere.

    >>> write_hdf5("model.weights.h5", {"layers/dense/vars/0": (2,)}, lambda name: np.ones(2, "float32"))
    >>> HDF5File("model.weights.h5").read("layers/dense/vars/0")
    array([1., 1.], dtype=float32)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        try:
            _check_length(path)
            self.shapes: dict[str, tuple[int, ...]] = {}
            with h5py.File(path, "r") as file:
                _collect(file["/"], "", self.shapes, set())
        except CheckpointError:
            raise
        except Exception as error:  # h5py raises whatever Python exception is nearest to the HDF5 library's error
            raise CheckpointError(f"{path} is damaged or no HDF5 file: {error}") from None

    def read(self, name: str) -> np.ndarray:
        try:
            with h5py.File(self.path, "r") as file:
                data = file[name]
                if data.dtype.kind != "f":
                    raise CheckpointError(f"{self.path}: {name} is {data.dtype}, not floating-point numbers")
                # Data that are compressed, external or never written may be of any size.
                if data.external or data.is_virtual or data.chunks or data.id.get_storage_size() != data.nbytes:
                    raise CheckpointError(f"{self.path}: {name} is not stored whole in the file")
                value = memory.zeros(data.shape, data.dtype)
                data.read_direct(value)
                return value
        except CheckpointError:
            raise
        except Exception as error:
            raise CheckpointError(f"{self.path}: {name} cannot be read: {error}") from None


def write_hdf5(
    path: str | os.PathLike[str], shapes: Mapping[str, tuple[int, ...]], value: Callable[[str], np.ndarray]
) -> None:
    """Writes float32 data sets in the order of {path in the file: shape}; `value(name)` is called for one at a time."""
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            array = value(name)
            assert array.shape == tuple(shape), (name, array.shape, shape)
            file.create_dataset(name, data=array)


def _collect(
    group: h5py.Group, path: str, shapes: dict[str, tuple[int, ...]], visited: set[int], depth: int = 0
) -> None:
    """Adds the data sets of a group and its groups, each of which is visited once, by whatever link is first."""
    if depth > 20:
        raise CheckpointError(f"{group.file.filename}: its groups are nested without end")
    address = h5py.h5o.get_info(group.id).addr
    if address in visited:
        return
    visited.add(address)
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink):  # others lead to other files
            held = group[name]
            if isinstance(held, h5py.Group):
                _collect(held, f"{path}{name}/", shapes, visited, depth + 1)
            elif isinstance(held, h5py.Dataset) and held.shape is not None:
                shapes[path + name] = tuple(int(size) for size in held.shape)


def _check_length(path: str | os.PathLike[str]) -> None:
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(64)
    version = head[8] if len(head) == 64 else -1
    if head[:8] != _SIGNATURE or version not in _END_OF_FILE:
        raise CheckpointError(f"{path} is no HDF5 file")
    begin = _END_OF_FILE[version]
    end = int(np.frombuffer(head[begin : begin + 8], "<u8")[0])
    if end != size:
        raise CheckpointError(f"{path} has {size} bytes, and its header says {end}: it is truncated or padded")
