"""The files of a run that grow by a line of JSON at a time, each with its `step`."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from tfbert.files import disk_errors, replace_file


def read_history(path: str | os.PathLike) -> list[dict[str, Any]]:
    """The lines of the file, [] where there is none. A line that was cut off or damaged ends it."""
    if not pathlib.Path(path).exists():
        return []
    history = []
    for line in pathlib.Path(path).read_bytes().splitlines():
        try:
            found = json.loads(line)
            _text(found).encode()  # `keep_history` writes it again
        except (ValueError, RecursionError):  # cut off, perhaps within a character
            break
        if not isinstance(found, dict) or type(found.get("step")) is not int:
            break
        history.append(found)
    return history


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
