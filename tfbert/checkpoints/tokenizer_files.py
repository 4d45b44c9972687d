"""The tokenizer's files in a checkpoint folder, as formats write them."""

from __future__ import annotations

import pathlib
import shutil
from typing import TYPE_CHECKING, Any

from tfbert.errors import ConfigError
from tfbert.text import kinds
from tfbert.text.folder import FILES

if TYPE_CHECKING:
    from tfbert.checkpoints.weights import Source


def held(source: Source) -> list[str]:
    """The files that an opened checkpoint has of a tokenizer, in Hugging Face's format."""
    return [name for name in FILES if source.has_tokenizer_files and (source.folder / name).exists()]


def copy(folder: Any, source: Source) -> None:
    """Copies them as they are."""
    for name in held(source):
        shutil.copyfile(source.folder / name, pathlib.Path(folder) / name)


def write_vocabulary(folder: Any, source: Source, tokenizer: Any) -> None:
    """Writes vocab.txt alone. If tfbert could not read the tokenizer (None), copies its files.

    Raises ConfigError: a tokenizer that is more than a list of tokens and plain rules.
    """
    if tokenizer is None:
        copy(folder, source)
    elif (name := kinds.name_of(tokenizer.rules)) != "wordpiece":
        raise ConfigError(
            f"{source.folder} has a tokenizer of {name}, and the format has vocab.txt, of wordpiece, alone; "
            "write the format hugging_face"
        )
    else:
        text = "".join(f"{token}\n" for token in tokenizer.vocabulary)
        (pathlib.Path(folder) / "vocab.txt").write_bytes(text.encode("utf-8"))
