"""A folder or hub id -> the `Source` of the checkpoint in it."""

from __future__ import annotations

import pathlib
from typing import Any

from tfbert.checkpoints import formats
from tfbert.checkpoints.formats import sentence_transformers
from tfbert.checkpoints.weights import Source
from tfbert.encoders import unknown
from tfbert.encoders.families import model_types
from tfbert.errors import CheckpointError
from tfbert.files import read_json_object


def open_checkpoint(name: Any) -> Source:
    """Opens a checkpoint folder of any format, or fetches a hub id first, and returns its `Source`.

    `str(source)` says what was found.

    Raises:
        CheckpointError: no such folder or id; no known format in it (says what it holds); a network that tfbert does
            not have (by its name); tensors that are missing or have another shape than the configuration says.
        ConfigError: a configuration that tfbert does not have.

    >>> open_checkpoint("path/or/hf-id").config.hidden_size
    32
    """
    folder = pathlib.Path(name)
    if not folder.exists():
        from tfbert.checkpoints.hub import fetch

        folder = fetch(str(name))
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; a checkpoint is a folder")
    if (folder / "modules.json").exists():
        return sentence_transformers.open_folder(folder, _open_folder)
    return _open_folder(folder)


def _open_folder(folder: pathlib.Path) -> Source:
    values = read_json_object(folder / "config.json") if (folder / "config.json").exists() else None
    unknown.refuse(folder, values, known=model_types())
    return formats.format_of(folder).open_folder(folder)
