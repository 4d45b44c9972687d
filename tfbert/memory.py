"""Arrays in memory pages of their own, which TensorFlow takes over without a copy.

malloc keeps much of the memory of a checkpoint's tensors when they are freed, and TensorFlow copies malloc's arrays.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
from typing import Any

import numpy as np
import tensorflow as tf


def zeros(shape: tuple[int, ...], dtype: Any = "float32") -> np.ndarray:
    """A writable array of zeros: it takes no memory until it is written to, and gives all of it back when it is freed.

    >>> zeros((2, 3)).sum()
    np.float32(0.0)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    pages = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype, math.prod(shape)).reshape(shape)


def as_tensor(array: np.ndarray) -> tf.Tensor:
    """A tensor that shares the memory of an array of `zeros` and changes with it; of any other array, a copy.

    >>> as_tensor(zeros((2, 3))).shape
    TensorShape([2, 3])
    """
    if array.ctypes.data % mmap.PAGESIZE or not array.flags.c_contiguous or not array.flags.writeable:
        copy = zeros(array.shape, array.dtype)
        copy[...] = array
        array = copy
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def give_back() -> None:
    """Returns the memory of freed arrays that malloc keeps to the system; only glibc's malloc can do so."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
