"""Several tensor files as one, by an index such as model.safetensors.index.json, and one under other names."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfbert.checkpoints.tensor_files.tensor_file import TensorFile
from tfbert.errors import CheckpointError
from tfbert.files import read_json_object


class Shards:
    """All tensors of the files that an index names.

    Args:
        open_file: opens one of them, `SafetensorsFile` or `TorchFile`.

    Raises:
        CheckpointError: a file is missing or damaged, or lacks a tensor that the index says it has.
    """

    def __init__(self, index: str | os.PathLike[str], open_file: Callable[[pathlib.Path], TensorFile]) -> None:
        places = read_json_object(index).get("weight_map")
        if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
            raise CheckpointError(f"{index} has no weight_map of tensors to files")
        folder = pathlib.Path(index).parent
        files: dict[str, TensorFile] = {}
        for name in sorted(set(places.values())):
            if pathlib.Path(name).name != name:
                raise CheckpointError(f"{index} names {name!r}, which is not a file beside it")
            if not os.path.exists(folder / name):  # False of a name that no file can have, too
                raise CheckpointError(f"{index} names {name}, which is not there")
            files[name] = open_file(folder / name)
        self._files = {tensor: files[name] for tensor, name in places.items()}
        for tensor, name in places.items():
            if tensor not in files[name].shapes:
                raise CheckpointError(f"{folder / name} lacks the tensor {tensor}, which {index} says it has")
        self.shapes = {tensor: file.shapes[tensor] for tensor, file in self._files.items()}

    def read(self, name: str) -> np.ndarray:
        return self._files[name].read(name)


class Together:
    """Several tensor files, each with a part of the tensors, read as one."""

    def __init__(self, files: Sequence[TensorFile]) -> None:
        self._files = {name: file for file in files for name in file.shapes}
        self.shapes = {name: file.shapes[name] for name, file in self._files.items()}

    def read(self, name: str) -> np.ndarray:
        return self._files[name].read(name)


class Renamed:
    """A tensor file whose tensors have other names: {name: its name in the file}."""

    def __init__(self, file: TensorFile, names: Mapping[str, str]) -> None:
        self._file, self._names = file, names
        self.shapes = {name: file.shapes[stored] for name, stored in names.items()}

    def read(self, name: str) -> np.ndarray:
        return self._file.read(self._names[name])
