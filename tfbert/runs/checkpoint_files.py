"""The checksums of a checkpoint's files, in NAME.sha256 beside NAME.index and NAME.data-…."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib

from tfbert.files import replace_file

_SUFFIX = ".sha256"


def write_checksums(prefix: str | os.PathLike) -> None:
    """Writes the checksums of a checkpoint, and removes those of checkpoints that are gone."""
    prefix = pathlib.Path(prefix)
    with replace_file(f"{prefix}{_SUFFIX}") as file:
        json.dump({path.name: _sha256(path) for path in _files(prefix)}, file)
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
        known = json.loads(sums.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return f"{sums.name} is not whole"
    for name, wanted in known.items():
        path = prefix.parent / name
        if not path.exists():
            return f"{name} is missing"
        if _sha256(path) != wanted:
            return f"{name} is not what was written: its checksum differs"
    return None


def _files(prefix):
    return sorted(path for path in prefix.parent.glob(f"{prefix.name}.*") if path.suffix != _SUFFIX)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
