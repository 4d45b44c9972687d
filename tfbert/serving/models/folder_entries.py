"""What lies in a version's folder. Somebody else writes it: an entry may be a loop, unreadable, or no file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from tfbert.errors import ServingError

_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def snapshot(folder: str | os.PathLike) -> list[tuple[str, tuple[int, ...]]]:
    """Differs after somebody copies more into a folder, or changes who may read it.

    >>> snapshot("no such folder")
    [('no such folder', (-1,))]
    """
    return sorted((path, _facts(found)) for path, found in _entries(folder))


def check_files(folder: str | os.PathLike) -> None:
    """Raises `ServingError` for what is neither a file nor a folder: whoever opens a FIFO waits, maybe for ever.

    >>> check_files("no such folder")
    """
    for path, found in _entries(folder):
        for is_kind, name in _KINDS:
            if found and is_kind(found.st_mode):
                raise ServingError(f"{path}: is {name}, not a file; export the model again")


def _entries(folder: str | os.PathLike) -> Iterator[tuple[str, os.stat_result | None]]:
    """Each path in a folder and below, with what its link leads to; None for a loop or what cannot be read."""
    waiting, seen = [os.fspath(folder)], set()
    while waiting:
        path = waiting.pop()
        found = None
        try:
            found = os.stat(path)
            if stat.S_ISDIR(found.st_mode) and (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))  # a link to a folder above it leads in a circle
                waiting += (entry.path for entry in os.scandir(path))
        except OSError:
            pass
        yield path, found


def _facts(found: os.stat_result | None) -> tuple[int, ...]:
    return (-1,) if found is None else (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
