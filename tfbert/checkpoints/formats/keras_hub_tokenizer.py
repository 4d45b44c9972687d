"""The tokenizer of a KerasHub preset, tokenizer.json and assets/tokenizer, and how KerasHub writes objects as JSON.

Source: keras_hub 0.32, src/tokenizers: word_piece_tokenizer.py, byte_pair_tokenizer.py, sentence_piece_tokenizer.py.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from tfbert.encoders.keras_hub import Preset
from tfbert.errors import ConfigError, VocabularyError
from tfbert.files import read_json_object, write_json
from tfbert.text import AddedToken, SpecialTokens, Tokenizer, Vocabulary, byte_bpe_folder, kinds
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms import unigram_files
from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules
from tfbert.text.algorithms.rules import Rules
from tfbert.text.algorithms.unigram_settings import UnigramRules
from tfbert.text.special_tokens import ANGLE_TOKENS
from tfbert.text.template import Template

JSON_STYLE = {"indent": 4, "ensure_ascii": True}
_ASSETS = "assets/tokenizer"


def read(folder: pathlib.Path, preset: Preset) -> Any:
    """The `Tokenizer` of a preset. Raises VocabularyError or ConfigError: there is none, or tfbert has none like it."""
    path = folder / "tokenizer.json"
    config = read_json_object(path).get("config") if path.exists() else None
    if not isinstance(config, dict):
        raise VocabularyError(f"{folder} has no tokenizer.json with the tokenizer's config")
    return _KINDS[preset.vocabulary].read(folder / _ASSETS, preset, config, path)


def _read_word_piece(assets: pathlib.Path, preset: Preset, config: dict[str, Any], path: pathlib.Path) -> Tokenizer:
    if not config.get("split", True):
        raise ConfigError(f"{path}: split=false, which tfbert does not have: texts are split into words in the graph")
    own = Rules.of_flags(
        bool(config.get("lowercase")), bool(config.get("strip_accents")), bool(config.get("split_on_cjk", True))
    )
    return Tokenizer(
        Vocabulary.from_file(assets / preset.vocabulary),
        rules=dataclasses.replace(own, continuation=config.get("suffix_indicator", own.continuation)),
        special_tokens=SpecialTokens(unknown=config.get("oov_token", SpecialTokens().unknown)),
    )


def _read_byte_bpe(assets: pathlib.Path, preset: Preset, config: dict[str, Any], path: pathlib.Path) -> Tokenizer:
    vocabulary = byte_bpe_folder.read_files(assets, preset.vocabulary)
    prefix = bool(config.get("add_prefix_space"))
    rules = ByteBpeRules(add_prefix_space=prefix, trim_keeps_first_space=prefix)
    return Tokenizer(vocabulary, rules=rules, special_tokens=ANGLE_TOKENS.spelling_all(vocabulary))


def _read_sentencepiece(assets: pathlib.Path, preset: Preset, config: dict[str, Any], path: pathlib.Path) -> Tokenizer:
    file = assets / preset.vocabulary
    try:
        data = file.read_bytes()
    except OSError as error:
        raise VocabularyError(f"cannot read {file}: {error.strerror or error}") from error
    if preset.numbering:
        found = unigram_files.read_model_file(data, file, preset.numbering, {})
    else:
        found = unigram_files.read_plain_model_file(data, file)
    assert found.template is not None
    return Tokenizer(
        Vocabulary(found.tokens, file),
        rules=UnigramRules(found.model, found.rules),
        special_tokens=SpecialTokens(**found.special_tokens),
        template=Template(**found.template),
        added_tokens=[AddedToken(**token) for token in found.added_tokens],
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
    kind = _KINDS[preset.vocabulary]
    if tokenizer is None or kinds.name_of(tokenizer.rules) != kind.algorithm:
        return None
    (folder / _ASSETS).mkdir(parents=True)
    settings = {
        **config_of(f"{preset.module}_tokenizer", "int32"),
        "config_file": "tokenizer.json",
        "sequence_length": None,
        **kind.write(folder / _ASSETS, preset, tokenizer),
    }
    written = object_of(preset, f"{preset.module}_tokenizer", f"{preset.class_prefix}Tokenizer", settings)
    write_json(folder / "tokenizer.json", written, **JSON_STYLE)
    return written


def _write_word_piece(assets: pathlib.Path, preset: Preset, tokenizer: Any) -> dict[str, Any]:
    text = "".join(f"{token}\n" for token in tokenizer.vocabulary)
    (assets / preset.vocabulary).write_bytes(text.encode("utf-8"))
    return {
        "vocabulary": None,
        "lowercase": tokenizer.lower_case,
        "strip_accents": bool(tokenizer.lower_case if tokenizer.strip_accents is None else tokenizer.strip_accents),
        "split": True,
        "split_on_cjk": bool(tokenizer.tokenize_chinese_chars),
        "suffix_indicator": tokenizer.algorithm.continuation,
        "oov_token": tokenizer.vocabulary.tokens[tokenizer.unknown_id],
        "special_tokens": None,
        "special_tokens_in_strings": False,
    }


def _write_byte_bpe(assets: pathlib.Path, preset: Preset, tokenizer: Any) -> dict[str, Any]:
    byte_bpe_folder.write_files(assets, tokenizer.vocabulary, preset.vocabulary)
    return {"add_prefix_space": tokenizer.rules.add_prefix_space}


def _write_sentencepiece(assets: pathlib.Path, preset: Preset, tokenizer: Any) -> dict[str, Any]:
    model = tokenizer.rules.model
    data = unigram_files.written_model_file(model, preset.numbering) if preset.numbering else sp.write(model)
    (assets / preset.vocabulary).write_bytes(data)
    return {"proto": None, "add_bos": False, "add_eos": False}


class _Kind(NamedTuple):
    """How a preset stores the tokenizers of an algorithm."""

    algorithm: str
    read: Callable[[pathlib.Path, Preset, dict[str, Any], pathlib.Path], Tokenizer]
    write: Callable[[pathlib.Path, Preset, Any], dict[str, Any]]


# by the file that KerasHub's class keeps
_KINDS = {
    "vocabulary.txt": _Kind("wordpiece", _read_word_piece, _write_word_piece),
    "vocabulary.json": _Kind("byte_bpe", _read_byte_bpe, _write_byte_bpe),
    "vocabulary.spm": _Kind("unigram", _read_sentencepiece, _write_sentencepiece),
}


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
