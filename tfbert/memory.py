"""Arrays in memory pages of their own, which TensorFlow takes over as they are.

malloc keeps much of what a checkpoint's tensors leave behind, and TensorFlow copies an array that malloc has placed.
"""

import ctypes
import math
import mmap
import sys

import numpy as np
import tensorflow as tf


def zeros(shape, dtype="float32"):
    """A writable array of zeros: takes no memory until it is written to, and gives all of it back when freed.

    >>> zeros((2, 3)).sum()
    np.float32(0.0)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    pages = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype, math.prod(shape)).reshape(shape)


def as_tensor(array):
    """The tensor that takes an array of `zeros` over, without a copy (it changes with the array), or a copy of another.

    >>> as_tensor(zeros((2, 3))).shape
    TensorShape([2, 3])
    """
    if array.ctypes.data % mmap.PAGESIZE or not array.flags.c_contiguous or not array.flags.writeable:
        copy = zeros(array.shape, array.dtype)
        copy[...] = array
        array = copy
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def give_back():
    """Returns to the system what malloc has kept of freed arrays, where it can: glibc's can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
