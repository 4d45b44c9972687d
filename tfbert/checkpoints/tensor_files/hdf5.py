"""HDF5 files of weights: what Keras wrote and writes, tf_model.h5 and model.weights.h5."""

import os

import h5py
import numpy as np

from tfbert import memory as pages
from tfbert.errors import CheckpointError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# superblock version -> where it says at which byte the file ends (HDF5 File Format Specification, II.A)
_END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}


class HDF5File:
    """Names (paths) and shapes of all data sets at once, the arrays when asked for.

    Raises:
        CheckpointError: truncated, padded, damaged, or with data sets that lie elsewhere.
    """

    def __init__(self, path):
        self.path = path
        try:
            _check_length(path)
            self.shapes = {}
            with h5py.File(path, "r") as file:
                _collect(file["/"], "", self.shapes)
        except CheckpointError:
            raise
        except Exception as error:  # h5py raises what the HDF5 library's error is nearest to
            raise CheckpointError(f"{path} is damaged or no HDF5 file: {error}") from None

    def read(self, name):
        try:
            with h5py.File(self.path, "r") as file:
                data = file[name]
                if data.dtype.kind != "f":
                    raise CheckpointError(f"{self.path}: {name} is {data.dtype}, not floating-point numbers")
                # Data that are compressed, external or never written could be of any size.
                if data.external or data.is_virtual or data.chunks or data.id.get_storage_size() != data.nbytes:
                    raise CheckpointError(f"{self.path}: {name} is not stored whole in the file")
                value = pages.zeros(data.shape, data.dtype)
                data.read_direct(value)
                return value
        except CheckpointError:
            raise
        except Exception as error:
            raise CheckpointError(f"{self.path}: {name} cannot be read: {error}") from None


def write_hdf5(path, shapes, value):
    """Writes float32 data sets in the order of {path in the file: shape}; `value(name)` gives each in its turn."""
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            array = value(name)
            assert array.shape == tuple(shape), (name, array.shape, shape)
            file.create_dataset(name, data=array)


def _collect(group, path, shapes, depth=0):
    if depth > 20:
        raise CheckpointError(f"{group.file.filename}: its groups are nested without end")
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink):  # others lead to other files
            held = group[name]
            if isinstance(held, h5py.Group):
                _collect(held, f"{path}{name}/", shapes, depth + 1)
            elif isinstance(held, h5py.Dataset) and held.shape is not None:
                shapes[path + name] = tuple(int(size) for size in held.shape)


def _check_length(path):
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(64)
    version = head[8] if len(head) == 64 else -1
    if head[:8] != _SIGNATURE or version not in _END_OF_FILE:
        raise CheckpointError(f"{path} is no HDF5 file")
    begin = _END_OF_FILE[version]
    end = int(np.frombuffer(head[begin : begin + 8], "<u8")[0])
    if end != size:
        raise CheckpointError(f"{path} has {size} bytes and says that it has {end}: it is truncated or padded")
