"""The files of a run that grow by a line of JSON at a time, each with its `step`."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from absl import logging

from tfbert.files import disk_errors, replace_file


def read_history(path: str | os.PathLike) -> list[dict[str, Any]]:
    """The lines of the file, [] where there is none.

    A line that was cut off or damaged ends it; a warning says how many whole lines are left out with it.
    """
    if not pathlib.Path(path).exists():
        return []
    history: list[dict[str, Any]] = []
    lines = pathlib.Path(path).read_bytes().splitlines()
    for number, line in enumerate(lines, 1):
        found = _read(line)
        if found is None:
            if after := len(lines) - number:
                logging.warning("%s: line %d is damaged; it and the %d after it are left out", path, number, after)
            break
        history.append(found)
    return history


def _read(line: bytes) -> dict[str, Any] | None:
    """The object of a line, or None if it was cut off, perhaps within a character, or damaged."""
    try:
        found = json.loads(line)
        _text(found).encode()  # `keep_history` writes it again
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and type(found.get("step")) is int else None


def append_history(path: str | os.PathLike, line: dict[str, Any]) -> None:
    """Adds a line. Raises DiskError where it cannot be written."""
    with disk_errors(path, "what it held before is kept"), open(path, "a", encoding="utf-8") as file:
        file.write(_text(line))


def keep_history(path: str | os.PathLike, step: int) -> None:
    """Drops the lines after `step`: a run that resumes from a checkpoint writes them again."""
    with replace_file(path) as file:
        file.writelines(_text(line) for line in read_history(path) if line["step"] <= step)


def _text(line):
    return json.dumps(line, ensure_ascii=False) + "\n"
