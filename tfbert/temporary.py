"""Where files and folders are written before they take their place, and what a kill leaves of them."""

from __future__ import annotations

import contextlib
import glob
import os
import pathlib
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator

# What takes a place when it is whole is written to .NAME.HOST.PROCESS beside it, a folder to one with a random end.
_ASIDE = re.compile(r"\.(?P<name>.+)\.(?P<host>[A-Za-z0-9-]*)\.(?P<process>\d+)(?:\.\w{8})?")
OLD = "old"  # in such a folder, what stood in the place before
_in_use: set[pathlib.Path] = set()  # by this process
_in_use_lock = threading.Lock()


def new_aside(path: pathlib.Path, *, is_folder: bool) -> pathlib.Path:
    """A place beside `path` for what is going to take its place; what killed processes left of it is removed."""
    with _in_use_lock:
        _remove_leftovers(path.parent, path.name)
        aside = path.with_name(f".{path.name}.{_host()}.{os.getpid()}")
        if is_folder:
            aside = pathlib.Path(tempfile.mkdtemp(prefix=f"{aside.name}.", dir=path.parent))
        _in_use.add(aside)
    return aside


def release(aside: pathlib.Path) -> None:
    """Says that a place of `new_aside` is no longer in use."""
    _in_use.discard(aside)


@contextlib.contextmanager
def temporary_folder() -> Iterator[pathlib.Path]:
    """Yields a new folder in $TMPDIR for the block. Those that killed processes have left there are removed.

    >>> with temporary_folder() as folder:
    ...     (folder / "part").write_text("1")
    1
    """
    folder = new_aside(pathlib.Path(tempfile.gettempdir(), "tfbert").absolute(), is_folder=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        release(folder)


@contextlib.contextmanager
def tempfile_in(folder: pathlib.Path) -> Iterator[None]:
    """A block whose libraries make their temporary files and folders in a folder, such as a `temporary_folder`."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Removes from a folder what processes that were killed have left of files and folders that they were writing.

    What a kill has left without its place, between two renames, gets it back.
    """
    with _in_use_lock:
        _remove_leftovers(pathlib.Path(folder).absolute(), None)


def _remove_leftovers(folder, name):
    for left in folder.glob(".*" if name is None else f".{glob.escape(name)}.*"):
        found = _ASIDE.fullmatch(left.name)
        if found is None or name not in (None, found["name"]) or found["host"] != _host() or left in _in_use:
            continue
        if (process := int(found["process"])) != os.getpid() and _is_alive(process):
            continue
        with contextlib.suppress(OSError):  # somebody else's; a new file can be written all the same
            if (left / OLD).exists() and not (place := folder / found["name"]).exists():
                os.rename(left / OLD, place)
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()


def _host():
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:40]


def _is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


def sync_folder(folder: str | os.PathLike) -> None:
    """Waits until all files in a folder are on the disk, so that a power cut after a rename does not empty them."""
    for parent, _, names in os.walk(os.fspath(folder)):
        for name in names:
            sync_file(os.path.join(parent, name))
        sync_file(parent)


def sync_file(path: str | os.PathLike) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    if os.path.islink(path):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not os.path.isdir(path):  # which some file systems do not sync
            raise
    finally:
        os.close(descriptor)
