"""Gives memory back to the system that only loading a model needed."""

from __future__ import annotations

import ctypes
import functools
import re
import sys
from collections.abc import Iterator

_DONTNEED = 4  # MADV_DONTNEED
_LIBRARIES = re.compile(r"/libtensorflow_(?:cc|framework)\.so")  # 1.2 GB
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)")


def give_back() -> None:
    """Gives back what the heap holds free, and the pages of TensorFlow's library that are as in the file.

    Most of those were read once, for the addresses and names of its symbols; what is still used comes back from the
    system's cache. Nothing happens where the system is not Linux with glibc.

    >>> give_back()
    """
    libc = _libc()
    if libc is None:
        return
    libc.malloc_trim(0)
    for begin, end in _untouched_pages():
        libc.madvise(begin, end - begin, _DONTNEED)


@functools.cache
def _libc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        return None
    libc.malloc_trim.argtypes = [ctypes.c_size_t]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return libc


def _untouched_pages() -> Iterator[tuple[int, int]]:
    """Where the library's file is mapped, to be read only, and no page differs from the file."""
    begin = end = 0
    with open("/proc/self/smaps", encoding="utf-8", errors="replace") as smaps:
        for line in smaps:
            if found := _MAPPING.match(line):
                is_ours = found[3] in ("r--p", "r-xp") and _LIBRARIES.search(found[4])
                begin, end = (int(found[1], 16), int(found[2], 16)) if is_ours else (0, 0)
            elif end and line.startswith("Anonymous:") and line.split()[1] == "0":
                yield begin, end
