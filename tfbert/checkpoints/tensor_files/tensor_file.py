"""The contract of a file that holds tensors by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np


class TensorFile(Protocol):
    """Names and shapes of all tensors at once, each array when it is asked for."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """{name: shape} of all tensors."""
        ...

    def read(self, name: str) -> np.ndarray:
        """A tensor of floating-point numbers.

        Raises:
            CheckpointError: it holds other numbers, or its bytes are damaged.
        """
        ...
