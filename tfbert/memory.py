"""Arrays in memory pages of their own, which TensorFlow uses without a copy.

malloc keeps much of the memory of a checkpoint's tensors after they are freed, and TensorFlow copies its arrays.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def zeros(shape: Sequence[int], dtype: str | np.dtype = "float32") -> np.ndarray:
    """A writable array of zeros, which takes no memory until it is written to and returns all of it when freed.

    >>> zeros((2, 3)).sum()
    np.float32(0.0)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    pages = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype, math.prod(shape)).reshape(shape)


def as_tensor(array: np.ndarray) -> tf.Tensor:
    """An array of `zeros` as a tensor that shares its memory, so that it changes with it; of another array a copy.

    >>> as_tensor(zeros((2, 3))).shape
    TensorShape([2, 3])
    """
    if array.ctypes.data % mmap.PAGESIZE or not array.flags.c_contiguous or not array.flags.writeable:
        copy = zeros(array.shape, array.dtype)
        copy[...] = array
        array = copy
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def give_back() -> None:
    """Returns the memory of freed arrays to the system, where malloc keeps it and can return it (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
