"""The checksums of a checkpoint's files, in NAME.sha256 beside NAME.index and NAME.data-…."""

from __future__ import annotations

import os
import pathlib

from tfbert.errors import CheckpointError
from tfbert.files import file_sha256, read_json_object, replace_json

_SUFFIX = ".sha256"


def write_checksums(prefix: str | os.PathLike) -> None:
    """Writes the checksums of a checkpoint, and removes those of checkpoints that are gone."""
    prefix = pathlib.Path(prefix)
    replace_json(f"{prefix}{_SUFFIX}", {path.name: file_sha256(path) for path in _files(prefix)}, indent=None)
    for path in prefix.parent.glob(f"*{_SUFFIX}"):
        if not path.with_suffix(".index").exists():
            path.unlink()


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
        if not path.exists():
            return f"{name} is missing"
        if file_sha256(path) != wanted:
            return f"{name} is not what was written: its checksum differs"
    return None


def _files(prefix):
    return sorted(path for path in prefix.parent.glob(f"{prefix.name}.*") if path.suffix != _SUFFIX)
