"""Writing files and folders aside and renaming them, so that nothing half-written is ever seen, and locking them."""

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import tempfile

from tfbert.errors import CheckpointError, DiskError


@contextlib.contextmanager
def replace_folder(path, marker):
    """Yields an empty folder beside `path` that takes its place when the block ends without an error.

    On an error the new folder is removed and what stood at `path` stays. An OSError (disk full, no
    permission) becomes a `DiskError`, and so does a folder at `path` that holds files but not `marker`:
    it is somebody's other folder.

    >>> with replace_folder("runs/mine/model", marker="config.json") as folder:
    ...     (folder / "config.json").write_text("{}")
    """
    path = pathlib.Path(path).absolute()
    if path.exists() and not (path / marker).exists() and (not path.is_dir() or any(path.iterdir())):
        raise DiskError(f"{path} exists and holds no {marker}; it is not replaced: name another folder or remove it")
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            os.chmod(aside, 0o777 & ~_umask())  # mkdtemp's 0700 would hide the folder from a server's user
            yield aside
            if path.exists():
                old = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
                os.rename(path, old / "old")
                os.rename(aside, path)
                shutil.rmtree(old, ignore_errors=True)
            else:
                os.rename(aside, path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def replace_file(path, mode="w"):
    """Yields a file open for writing that takes the place of `path` when the block ends without an error."""
    path = pathlib.Path(path).absolute()
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with open(aside, mode, encoding=None if "b" in mode else "utf-8") as file:
                yield file
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)


def open_locked(path, flags, refusal):
    """A descriptor of a file or folder, opened with the `flags` of os.open and locked until it is closed.

    On a file system without locks, as some that are mounted over a network, it is just open.

    Raises DiskError, which says `refusal`, where another program has locked it.
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
        os.close(descriptor)  # the other program has ended in between, and removed this one


@contextlib.contextmanager
def locked_folder(path, refusal):
    """Makes a folder, if there is none, and locks it for the block. Raises DiskError as `open_locked`."""
    with _disk_errors(path):
        os.makedirs(path, exist_ok=True)
        descriptor = open_locked(path, os.O_RDONLY | os.O_DIRECTORY, refusal)
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk_errors(path):
    try:
        yield
    except OSError as error:
        raise DiskError(f"could not write {path}: {error.strerror or error}; nothing was changed there") from error


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_json_object(path):
    """The object in a JSON file, or a CheckpointError that names the file and the fault."""
    try:
        values = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist") from None
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, or nested without end
        raise CheckpointError(f"{path} is not JSON: {error}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds {type(values).__name__}, not a JSON object")
    return values
