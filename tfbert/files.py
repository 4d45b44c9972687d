"""Files and folders that are never seen half-written, locks, JSON files and checksums."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import IO, Any

from tfbert.errors import CheckpointError, DiskError, TfbertError
from tfbert.temporary import OLD, new_aside, release, sync_file, sync_folder


@contextlib.contextmanager
def replace_folder(path: str | os.PathLike, marker: str) -> Iterator[pathlib.Path]:
    """Yields an empty folder beside `path` that takes its place when the block ends without an error.

    On an error the new folder is removed and what stood at `path` stays.

    Raises:
        DiskError: an OSError in the block, such as a full disk; or the folder at `path` holds files but not `marker`:
            it is somebody's other folder.

    >>> with replace_folder("runs/mine/model", marker="config.json") as folder:
    ...     (folder / "config.json").write_text("{}")
    """
    path = pathlib.Path(path).absolute()
    if path.exists() and not (path / marker).exists() and (not path.is_dir() or any(path.iterdir())):
        raise DiskError(f"{path} exists and holds no {marker}; it is not replaced: name another folder or remove it")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = new_aside(path, is_folder=True)
        try:
            os.chmod(aside, 0o777 & ~_umask())  # mkdtemp's 0700 would hide the folder from a server's user
            yield aside
            sync_folder(aside)
            if path.exists():
                old = new_aside(path, is_folder=True)
                os.rename(path, old / OLD)
                os.rename(aside, path)
                sync_file(path.parent)
                shutil.rmtree(old, ignore_errors=True)
                release(old)
            else:
                os.rename(aside, path)
                sync_file(path.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
            release(aside)


@contextlib.contextmanager
def replace_file(path: str | os.PathLike, mode: str = "w") -> Iterator[IO]:
    """Yields a file open for writing that takes the place of `path` when the block ends without an error.

    Raises DiskError as `replace_folder`.

    >>> with replace_file("answers.txt") as file:
    ...     size = file.write("42")
    """
    path = pathlib.Path(path).absolute()
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = new_aside(path, is_folder=False)
        try:
            with open(aside, mode, encoding=None if "b" in mode else "utf-8") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
            sync_file(path.parent)
        finally:
            aside.unlink(missing_ok=True)
            release(aside)


def open_locked(path: str | os.PathLike, flags: int, refusal: str) -> int:
    """A descriptor of a file or folder, opened with the `flags` of os.open and locked until it is closed.

    On a file system without locks, such as some network file systems, it is opened without one.

    Raises:
        DiskError: another program holds the lock; its text is `refusal`.
    """
    while True:
        descriptor = os.open(path, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DiskError(refusal) from None
        except OSError:
            return descriptor
        if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)  # the other program has just removed this file; open the one that stands there now


@contextlib.contextmanager
def locked_folder(path: str | os.PathLike, refusal: str) -> Iterator[None]:
    """Makes a folder, if there is none, and locks it for the block. Raises DiskError as `open_locked`."""
    with disk_errors(path):
        os.makedirs(path, exist_ok=True)
        descriptor = open_locked(path, os.O_RDONLY | os.O_DIRECTORY, refusal)
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def disk_errors(
    path: str | os.PathLike,
    kept: str | Callable[[], str] = "nothing was changed there",
    errors: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Raises a DiskError for an OSError in the block, or for another of `errors`.

    Args:
        kept: what is still there, or a function that says it after the error.

    >>> with disk_errors("a", "the rows so far are in b"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    tfbert.errors.DiskError: could not write a: No space left on device; the rows so far are in b
    """
    kinds: tuple[type[Exception], ...] = (OSError, *errors)
    try:
        yield
    except kinds as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", None) or error  # TensorFlow's: message
        raise DiskError(f"could not write {path}: {reason}; {kept if isinstance(kept, str) else kept()}") from error


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_json_object(path: str | os.PathLike, error: type[TfbertError] = CheckpointError) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        error: there is no such file, or it holds something else; names the file and the fault.
    """
    try:
        text = pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        raise error(f"{path} does not exist") from None
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault.strerror}") from None
    return json_object(text, path, error)


def json_object(
    text: str | bytes, source: str | os.PathLike, error: type[TfbertError] = CheckpointError, remedy: str = ""
) -> dict[str, Any]:
    """The object in a JSON text. Raises `error`, which names the source and the fault, and the remedy if one is given.

    >>> json_object('{"a": 1}', "mine.json")
    {'a': 1}
    """
    remedy = f"; {remedy}" if remedy else ""
    try:
        values = json.loads(text.decode("utf-8") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError) as fault:  # not JSON, not UTF-8, or nested without end
        raise error(f"{source} is not JSON: {fault}{remedy}") from None
    if not isinstance(values, dict):
        raise error(f"{source} holds {type(values).__name__}, not a JSON object{remedy}")
    return values


def write_json(path: str | os.PathLike, values: Any, **options: Any) -> None:
    """Writes values as JSON into a new file, such as one in a folder of `replace_folder`.

    Args:
        options: of `json.dumps`, instead of two spaces of indent and characters as they are.
    """
    pathlib.Path(path).write_text(_json_text(values, options), encoding="utf-8")


def replace_json(path: str | os.PathLike, values: Any, **options: Any) -> None:
    """Writes values as JSON in the place of a file, if there is one; arguments as `write_json`'s."""
    with replace_file(path) as file:
        file.write(_json_text(values, options))


def _json_text(values, options):
    return json.dumps(values, **{"indent": 2, "ensure_ascii": False, **options}) + "\n"


def file_sha256(path: str | os.PathLike, open: Callable[..., IO[bytes]] = open) -> str:
    """The sha256 of a file in hexadecimal, in constant memory; `open` is another function for files that are remote.

    >>> with replace_file("empty") as file:
    ...     pass
    >>> file_sha256("empty")[:8]
    'e3b0c442'
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
