"""The files of checkpoints: NAME.index, NAME.data-…, and the checksums of these in NAME.sha256."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
from collections.abc import Container, Sequence

import tensorflow as tf

from tfbert.errors import CheckpointError
from tfbert.files import file_sha256, read_json_object, replace_file, replace_json
from tfbert.temporary import remove_leftovers, sync_file

_SUFFIX = ".sha256"


def write_checksums(prefix: str | os.PathLike) -> None:
    """Writes the checksums of a checkpoint, whose files are on the disk by then."""
    prefix = pathlib.Path(prefix)
    for path in _files(prefix):
        sync_file(path)
    replace_json(f"{prefix}{_SUFFIX}", {path.name: file_sha256(path) for path in _files(prefix)}, indent=None)


def damage(prefix: str | os.PathLike) -> str | None:
    """What is wrong with the files of a checkpoint, or None. Without checksums, only missing files are found."""
    prefix = pathlib.Path(prefix)
    sums = pathlib.Path(f"{prefix}{_SUFFIX}")
    if not sums.exists():
        return None if _files(prefix) else f"{prefix.name}.index is missing"
    try:
        known = read_json_object(sums)
    except CheckpointError:
        return f"{sums.name} is not whole"
    for name, wanted in known.items():
        path = prefix.parent / name
        if not re.fullmatch(re.escape(prefix.name) + r"\.[\w.-]{1,100}", name):
            return f"{sums.name} is not whole"
        try:
            if file_sha256(path) != wanted:
                return f"{name} is not what was written: its checksum differs"
        except FileNotFoundError:
            return f"{name} is missing"
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
    return None


def names_in(folder: pathlib.Path) -> list[str]:
    """The names of the checkpoints of a folder, the newest last."""
    return [os.path.basename(path) for path in paths_in(folder)]


def paths_in(folder: str | os.PathLike) -> list[str]:
    """The prefixes of the checkpoints of a folder, the newest last.

    Raises:
        CheckpointError: the file that names them is damaged.
    """
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except ValueError:  # no text, or no names
        paths = [""]
    else:
        paths = list(state.all_model_checkpoint_paths) if state else []
    if not all(re.fullmatch(r"ckpt-[0-9]{1,18}", os.path.basename(path)) for path in paths):
        named = os.path.join(folder, "checkpoint")
        raise CheckpointError(f"{named}, which names the checkpoints, is damaged; remove {folder} to start again")
    return paths


def name_newest(folder: pathlib.Path, names: Sequence[str]) -> None:
    """Makes `names` the checkpoints of a folder, the newest last, in TensorFlow's own file, and removes all others."""
    with replace_file(folder / "checkpoint") as file:  # relative names: the folder may be moved
        file.writelines([f'model_checkpoint_path: "{names[-1]}"\n'])
        file.writelines(f'all_model_checkpoint_paths: "{name}"\n' for name in names)
    remove_strays(folder, names)


def remove_strays(folder: pathlib.Path, names: Container[str]) -> None:
    """Removes the files of checkpoints that are not in `names`, such as those of one whose writing was interrupted."""
    remove_leftovers(folder)
    for path in [*folder.glob("ckpt-*"), *folder.glob("checkpoint.tmp*")]:
        if path.name.endswith("_temp"):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name.partition(".")[0] not in names:
            path.unlink(missing_ok=True)


def _files(prefix):
    return sorted(path for path in prefix.parent.glob(f"{prefix.name}.*") if path.suffix != _SUFFIX)
