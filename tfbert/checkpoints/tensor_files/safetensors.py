"""model.safetensors: tensors are read and written one at a time.

Source of the format: github.com/huggingface/safetensors, README, "Format".
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping

import numpy as np
import safetensors

from tfbert import memory
from tfbert.errors import CheckpointError

_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class SafetensorsFile:
    """A `TensorFile`.

    Raises:
        CheckpointError: truncated, padded or no such file.

    >>> write_safetensors("model.safetensors", {"bias": (2,)}, lambda name: np.ones(2, "float32"))
    >>> SafetensorsFile("model.safetensors").read("bias")
    array([1., 1.], dtype=float32)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        try:
            with safetensors.safe_open(path, framework="numpy") as file:
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it has keys() only
                self.shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
                self._dtypes = {name: part.get_dtype() for name, part in slices.items()}
            with open(path, "rb") as file:  # the library has checked it
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(length))
            self._begins = {name: 8 + length + header[name]["data_offsets"][0] for name in self.shapes}
        except (safetensors.SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is truncated or no safetensors file: {error}") from None

    def read(self, name: str) -> np.ndarray:
        """A tensor of floats in memory pages of its own: the library's mapped pages count as memory until it closes the
        file."""
        if self._dtypes[name] not in _FLOATS:
            raise CheckpointError(f"{self.path}: tensor {name} is {self._dtypes[name]}, not floating-point numbers")
        kind, shape = np.dtype(_FLOATS[self._dtypes[name]]), self.shapes[name]
        try:
            with open(self.path, "rb") as file:
                file.seek(self._begins[name])
                value = memory.zeros((math.prod(shape),), kind)
                if file.readinto(value) != value.nbytes:
                    raise CheckpointError(
                        f"{self.path}: tensor {name} is cut off: the file has been changed since it was opened"
                    )
            if self._dtypes[name] == "BF16":  # the upper half of a float32
                value = (value.astype(np.uint32) << 16).view(np.float32)
            return value.reshape(shape)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.path}: tensor {name} cannot be read: {error}") from None


def write_safetensors(
    path: str | os.PathLike[str], shapes: Mapping[str, tuple[int, ...]], value: Callable[[str], np.ndarray]
) -> None:
    """Writes float32 tensors in the order of {name: shape}; `value(name)` is called for one at a time."""
    # transformers refuses a file without this metadata
    header: dict[str, dict] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, shape in shapes.items():
        end = begin + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8 bytes
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            array = np.ascontiguousarray(value(name), "<f4")
            assert array.shape == tuple(shape), (name, array.shape, shape)
            file.write(array.data)
