"""The table of checkpoint formats. Each has a file in this folder and a row here."""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfbert.errors import CheckpointError, ConfigError, did_you_mean

if TYPE_CHECKING:
    from tfbert.checkpoints.weights import Source, Weights

# name -> where the format is, imported on first use. The first that recognises a folder opens it.
_FORMATS: dict[str, Any] = {
    "keras_hub": "tfbert.checkpoints.formats.keras_hub:FORMAT",
    "hf": "tfbert.checkpoints.formats.hugging_face:FORMAT",
    "hf_tf": "tfbert.checkpoints.formats.hugging_face_tf:FORMAT",
    "model_garden": "tfbert.checkpoints.formats.model_garden:FORMAT",
    "tf1": "tfbert.checkpoints.formats.google_tf1:FORMAT",
}


@dataclasses.dataclass(frozen=True)
class Format:
    """One format of checkpoint folders.

    Args:
        name: as `tfbert convert --to` and a family's `forms` call it.
        title: for messages, such as "Hugging Face".
        files: what its folders hold, for an error that lists the formats.
        recognises: folder -> whether it is of this format.
        open_folder: folder -> its `Source`.
        write: (an empty folder, the opened checkpoint, the weights that the format takes, the `Tokenizer` or None
            where tfbert does not read it) -> writes all files; None for a format that is only read.
        marker: the file that marks its folders; only a folder that has it is replaced.
        any_family: whether it can hold every family. If not, a family's `forms` say how it is held.
    """

    name: str
    title: str
    files: str
    recognises: Callable[[pathlib.Path], bool]
    open_folder: Callable[[pathlib.Path], Source]
    write: Callable[[pathlib.Path, Source, Weights, Any], None] | None = None
    marker: str = "config.json"
    any_family: bool = False


def register(new: Format) -> None:
    """Adds a format of your own. A folder that an earlier format recognises is opened by that one."""
    _FORMATS[new.name] = new


def all_formats() -> list[Format]:
    """Every format, in the order in which a folder is tried.

    >>> [one.name for one in all_formats()][:2]
    ['keras_hub', 'hf']
    """
    for name, found in _FORMATS.items():
        if isinstance(found, str):
            module, _, attribute = found.partition(":")
            _FORMATS[name] = getattr(importlib.import_module(module), attribute)
    return list(_FORMATS.values())


def written_formats() -> dict[str, Format]:
    """{name: format} of those that can be written.

    >>> sorted(written_formats())
    ['hf', 'keras_hub', 'model_garden', 'tf1']
    """
    return {one.name: one for one in all_formats() if one.write is not None}


def format_to_write(name: str) -> Format:
    """The format of a name. Raises ConfigError: there is none that can be written."""
    known = written_formats()
    if name not in known:
        raise ConfigError(f"there is no format {name!r}; the formats are {', '.join(known)}{did_you_mean(name, known)}")
    return known[name]


def format_of(folder: pathlib.Path) -> Format:
    """The format of a folder. Raises CheckpointError: none; it says what the folder holds."""
    for one in all_formats():
        if one.recognises(folder):
            return one
    held, read = sorted(path.name for path in folder.iterdir()), ", ".join(one.files for one in all_formats())
    raise CheckpointError(
        f"{folder} is no checkpoint that tfbert reads ({read}); it holds {', '.join(held[:10]) or 'nothing'}"
    )
