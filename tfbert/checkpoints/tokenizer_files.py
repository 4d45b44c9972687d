"""The tokenizer's files in a checkpoint folder, as formats write them."""

from __future__ import annotations

import pathlib
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfbert.checkpoints.weights import Source

NAMES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def held(source: Source) -> list[str]:
    """Those of `NAMES` that an opened checkpoint has, in Hugging Face's format."""
    return [name for name in NAMES if source.has_tokenizer_files and (source.folder / name).exists()]


def copy(folder: Any, source: Source) -> None:
    """Copies them as they are."""
    for name in held(source):
        shutil.copyfile(source.folder / name, pathlib.Path(folder) / name)


def write_vocabulary(folder: Any, source: Source, tokenizer: Any) -> None:
    """Writes vocab.txt alone. If tfbert could not read the tokenizer (None), copies its files."""
    if tokenizer is None:
        copy(folder, source)
    else:
        text = "".join(f"{token}\n" for token in tokenizer.vocabulary)
        (pathlib.Path(folder) / "vocab.txt").write_bytes(text.encode("utf-8"))
