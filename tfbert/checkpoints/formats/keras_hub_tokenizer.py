"""The tokenizer of a KerasHub preset, tokenizer.json and assets/tokenizer, and how KerasHub writes objects as JSON.

Source: keras_hub 0.32, src/tokenizers/word_piece_tokenizer.py.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from tfbert.encoders.keras_hub import Preset
from tfbert.errors import ConfigError, VocabularyError
from tfbert.files import read_json_object, write_json

JSON_STYLE = {"indent": 4, "ensure_ascii": True}
_ASSETS = "assets/tokenizer"
_WORD_PIECE = "vocabulary.txt"  # the file of the only kind of tokenizer that tfbert reads and writes here


def read(folder: pathlib.Path, preset: Preset) -> Any:
    """The `Tokenizer` of a preset. Raises VocabularyError or ConfigError: there is none, or tfbert has none like it."""
    from tfbert.text import SpecialTokens, Tokenizer, Vocabulary
    from tfbert.text.algorithms.rules import Rules

    if preset.vocabulary != _WORD_PIECE:
        raise ConfigError(
            f"{folder}: KerasHub's {preset.class_prefix}Tokenizer keeps its vocabulary in {preset.vocabulary}; of "
            f"presets tfbert reads only {_WORD_PIECE}: give the model a tokenizer of another folder"
        )
    path = folder / "tokenizer.json"
    config = read_json_object(path).get("config") if path.exists() else None
    if not isinstance(config, dict):
        raise VocabularyError(f"{folder} has no tokenizer.json with the tokenizer's config")
    if not config.get("split", True):
        raise ConfigError(f"{path}: split=false, which tfbert does not have: texts are split into words in the graph")
    own = Rules.of_flags(
        bool(config.get("lowercase")), bool(config.get("strip_accents")), bool(config.get("split_on_cjk", True))
    )
    return Tokenizer(
        Vocabulary.from_file(folder / _ASSETS / _WORD_PIECE),
        rules=dataclasses.replace(own, continuation=config.get("suffix_indicator", own.continuation)),
        special_tokens=SpecialTokens(unknown=config.get("oov_token", SpecialTokens().unknown)),
    )


def check_padding(folder: pathlib.Path, preset: Preset) -> None:
    """Raises ConfigError: a family that counts positions by the padding's id has another one in this preset."""
    path, wanted = folder / _ASSETS / "vocabulary.json", preset.constants.get("pad_token_id")
    if wanted is not None and path.exists():
        found = read_json_object(path).get("<pad>", wanted)
        if found != wanted:
            raise ConfigError(f"{path}: <pad> has the id {found!r:.40}; tfbert reads such presets with {wanted} only")


def write(folder: pathlib.Path, tokenizer: Any, preset: Preset) -> dict[str, Any] | None:
    """Writes a `Tokenizer`; returns the object of tokenizer.json. None: KerasHub's class is of another kind."""
    if tokenizer is None or preset.vocabulary != _WORD_PIECE:
        return None
    settings = {
        **config_of(f"{preset.module}_tokenizer", "int32"),
        "config_file": "tokenizer.json",
        "vocabulary": None,
        "sequence_length": None,
        "lowercase": tokenizer.lower_case,
        "strip_accents": bool(tokenizer.lower_case if tokenizer.strip_accents is None else tokenizer.strip_accents),
        "split": True,
        "split_on_cjk": bool(tokenizer.tokenize_chinese_chars),
        "suffix_indicator": tokenizer.algorithm.continuation,
        "oov_token": tokenizer.vocabulary.tokens[tokenizer.unknown_id],
        "special_tokens": None,
        "special_tokens_in_strings": False,
    }
    written = object_of(preset, f"{preset.module}_tokenizer", f"{preset.class_prefix}Tokenizer", settings)
    write_json(folder / "tokenizer.json", written, **JSON_STYLE)
    (folder / _ASSETS).mkdir(parents=True)
    text = "".join(f"{token}\n" for token in tokenizer.vocabulary)
    (folder / _ASSETS / _WORD_PIECE).write_bytes(text.encode("utf-8"))
    return written


def config_of(name: str, dtype: str = "float32") -> dict[str, Any]:
    """What the config of every object begins with."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": dtype}, "registered_name": None}
    return {"name": name, "trainable": True, "dtype": policy}


def object_of(preset: Preset, module: str, class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """An object of a class of KerasHub's."""
    return {
        "module": f"keras_hub.src.models.{preset.module}.{module}",
        "class_name": class_name,
        "config": config,
        "registered_name": f"keras_hub>{class_name}",
    }
