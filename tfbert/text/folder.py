"""The tokenizer's part of a model folder: vocab.txt, tokenizer_config.json, tokenizer.json and their helpers."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfbert.errors import ConfigError, TfbertError, VocabularyError, kind_of
from tfbert.files import read_json_object, replace_file, replace_json
from tfbert.text import added_tokens, byte_bpe_folder, kinds, sentencepiece_folder, tokenizer_config, tokenizer_json
from tfbert.text.algorithms.rules import Rules
from tfbert.text.algorithms.unigram_files import MODEL_FILES
from tfbert.text.config import has_own_template
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer

_SETTINGS = {
    "do_lower_case": ("lower_case", "lowercase"),  # Tokenizer's argument, and the field of a BertNormalizer
    "strip_accents": ("strip_accents", "strip_accents"),
    "tokenize_chinese_chars": ("tokenize_chinese_chars", "handle_chinese_chars"),
}
# The files that a tokenizer may have, of any algorithm.
FILES = (
    *("vocab.txt", byte_bpe_folder.VOCABULARY, byte_bpe_folder.MERGES, *MODEL_FILES),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
_BUT_WORDPIECE = {"byte_bpe": byte_bpe_folder, "unigram": sentencepiece_folder}
_OWN_CLASS = "BertTokenizer"  # whose rules tokenizer_config.json says
_SPECIAL_KEYS = {
    "unk_token": "unknown",
    "cls_token": "start",
    "sep_token": "separator",
    "pad_token": "padding",
    "mask_token": "mask",
}


def read_folder(folder: str | os.PathLike[str]) -> tuple[Vocabulary, dict[str, Any]]:
    """Returns the Vocabulary of `folder` and a dict of those of Tokenizer's arguments that the folder states.

    Its rules are those of tokenizer.json, where there is one. The keys of tokenizer_config.json count over those of a
    BertNormalizer, as in Hugging Face's BertTokenizerFast; where the two disagree, a warning says so. With neither
    file, as in Google's TF1 folders, text is lower-cased unless the vocabulary holds a word with a capital letter.
    Raises VocabularyError and ConfigError.
    """
    folder = pathlib.Path(folder)
    try:
        return _read(folder)
    except TfbertError as error:
        if str(folder) in str(error):
            raise
        raise type(error)(f"{folder}: {error}") from None
    except (TypeError, KeyError, IndexError, AttributeError, ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else f"{type(error).__name__}: {error}"[:200]
        raise ConfigError(
            f"{folder}: {', '.join(name for name in FILES if (folder / name).exists())}: a value is of another type "
            f"or lacks a key ({reason}); write the tokenizer's files again, or remove the one that is damaged"
        ) from error


def _read(folder: pathlib.Path) -> tuple[Vocabulary, dict[str, Any]]:
    path, fast_path = folder / "tokenizer_config.json", folder / "tokenizer.json"
    fast, stated = _read_json(fast_path), _read_json(path)
    config = stated or {}
    tokenizer_config.check(config, path)
    if fast is not None:
        tokenizer_json.check(fast, fast_path)
        if (fast.get("truncation") or {}).get("direction", "Right") != "Right":
            raise ConfigError(f"{fast_path}: truncation cuts the beginning of texts; tfbert cuts their end")
    names = {**(_read_json(folder / "special_tokens_map.json") or {}), **config}
    for room in _BUT_WORDPIECE.values():
        if room.is_one(folder, fast):
            return room.read(folder, fast, config, names)
    vocabulary = _vocabulary(folder, fast, fast_path)
    settings: dict[str, Any] = {}
    if fast is not None:
        names = _names(names, fast, vocabulary, fast_path)
        settings |= _rules(fast, config, fast_path)
        template = tokenizer_json.read_template(fast, fast_path)
        if template is None and tokenizer_config.is_generic(config):
            raise ConfigError(
                f"{fast_path} has no post_processor, which puts special tokens around a text; add one of the type "
                "TemplateProcessing, or name a tokenizer_class that has its own, such as BertTokenizer, "
                f"in {path}"
            )
    else:
        template = None
        if stated is None:
            settings["lower_case"] = not has_capitals(vocabulary)
        settings |= {_SETTINGS[key][0]: value for key, value in tokenizer_config.flags(config).items()}
    if (length := tokenizer_config.max_length(config)) is not None:
        settings["max_length"] = length
    settings["special_tokens"] = special = _special_tokens(names, path)
    files = added_tokens.Files(folder, fast or {}, config, names)
    keeps_space = "rules" in settings and not settings["rules"].drops_white_space
    vocabulary, added = added_tokens.read(files, vocabulary, special, keeps_white_space=keeps_space)
    settings["added_tokens"] = [token for token in added if token.normalized or token.content not in special]
    tokenizer_config.check_never_split(config, {*special, *(token.content for token in added)}, path)
    if template is None and not tokenizer_config.has_segments(config):
        special.check(vocabulary)
        template = Template.bert(vocabulary, special)
    if template is not None:
        segment = template.second_segment if tokenizer_config.has_segments(config) else 0
        settings["template"] = dataclasses.replace(template, second_segment=segment)
    return vocabulary, settings


def has_capitals(vocabulary: Vocabulary) -> bool:
    """Whether a vocabulary holds a word with a capital letter, as one of text that is not lower-cased.

    >>> has_capitals(Vocabulary(["[PAD]", "A", "London"]))
    True
    """
    return any(len(token) > 1 and token.isalpha() and token != token.lower() for token in vocabulary)


def write_folder(folder: str | os.PathLike[str], tokenizer: Tokenizer) -> None:
    """Writes the files of a tokenizer's algorithm; removes what would be read before or beside them.

    Raises VocabularyError for what a file cannot hold, DiskError.
    """
    folder = pathlib.Path(folder)
    vocabulary, special = tokenizer.vocabulary, tokenizer.special_tokens
    room = _BUT_WORDPIECE.get(kinds.name_of(tokenizer.rules))
    about, written = room.write(folder, tokenizer) if room else _write_wordpiece(folder, tokenizer)
    named = [AddedToken(name, special=True) for name in special.in_vocabulary(vocabulary)]
    added = {token.content: token for token in (*named, *tokenizer.added_tokens)}
    decoder = {str(vocabulary[name]): token.to_json() for name, token in added.items()}
    config = {
        **about,
        "model_max_length": tokenizer.max_length,
        **{key: getattr(special, name) for key, name in _SPECIAL_KEYS.items()},
        "added_tokens_decoder": decoder,
    }
    replace_json(folder / "tokenizer_config.json", config)
    for name in FILES:
        if name not in (*written, "tokenizer_config.json"):
            (folder / name).unlink(missing_ok=True)


def _write_wordpiece(folder: pathlib.Path, tokenizer: Tokenizer) -> tuple[dict[str, Any], list[str]]:
    """Writes vocab.txt, and tokenizer.json where BERT's rules and template are not all.

    Returns what a tokenizer_config.json says besides, and the files' names.
    """
    vocabulary = tokenizer.vocabulary
    for number, token in enumerate(vocabulary):
        if "\n" in token:
            raise VocabularyError(f"token {number}, {token!r}, has a line break and cannot be a line of vocab.txt")
    with replace_file(folder / "vocab.txt", "wb") as file:
        file.write("".join(f"{token}\n" for token in vocabulary).encode("utf-8"))
    flags = {key: getattr(tokenizer, name) for key, (name, _) in _SETTINGS.items()}
    if has_own_template(tokenizer) and tokenizer.rules is None:
        return {"tokenizer_class": _OWN_CLASS, **flags}, ["vocab.txt"]
    rules = tokenizer.rules if isinstance(tokenizer.rules, Rules) else Rules.of_flags(*flags.values())
    tokenizer_json.write(folder, tokenizer, tokenizer_json.wordpiece_parts(tokenizer, rules))
    return {"tokenizer_class": "PreTrainedTokenizerFast"}, ["vocab.txt", "tokenizer.json"]


def _read_json(path: pathlib.Path) -> dict[str, Any] | None:
    return read_json_object(path, ConfigError) if path.exists() else None


def _vocabulary(folder: pathlib.Path, fast: Mapping[str, Any] | None, path: pathlib.Path) -> Vocabulary:
    """The vocabulary of vocab.txt and tokenizer.json, of which the latter counts, as in Hugging Face's classes."""
    if not (folder / "vocab.txt").exists():
        if fast is None:
            raise VocabularyError(
                f"there is neither vocab.txt nor tokenizer.json in {folder}, nor {byte_bpe_folder.VOCABULARY} or a "
                f".model file ({', '.join(MODEL_FILES)})"
            )
        return tokenizer_json.read_vocabulary(fast, path)
    vocabulary = Vocabulary.from_file(folder / "vocab.txt")
    if fast is None or tokenizer_json.agrees(fast, vocabulary, path):
        return vocabulary
    logging.warning("%s: vocab.txt and tokenizer.json have other tokens; tokenizer.json is read", folder)
    return tokenizer_json.read_vocabulary(fast, path)


def _rules(fast: Mapping[str, Any], config: Mapping[str, Any], path: pathlib.Path) -> dict[str, Any]:
    """Tokenizer's arguments for the rules of tokenizer.json, with those that tokenizer_config.json states instead."""
    stated = {_SETTINGS[key][1]: value for key, value in tokenizer_config.flags(config).items()}
    rules = tokenizer_json.read_rules(fast, {}, path)
    normalizer = rules.normalizer or {}
    is_own = normalizer.get("type") == "BertNormalizer"
    by_flags = dict(zip((field for _, field in _SETTINGS.values()), rules.flags, strict=True))
    found = dict(normalizer) if is_own else by_flags
    other = {name for name, value in stated.items() if value != found[name] and (is_own or value is not None)}
    if other:
        counts = is_own and not tokenizer_config.is_generic(config)
        logging.warning(
            "%s and tokenizer_config.json disagree: %s; %s counts",
            *(path, ", ".join(f"{name} is {found[name]} and {stated[name]}" for name in sorted(other))),
            "tokenizer_config.json" if counts else "tokenizer.json",
        )
        if counts:
            rules = tokenizer_json.read_rules(fast, stated, path)
    if not rules.is_bert:
        return {"rules": rules}
    values = rules.normalizer if is_own and rules.normalizer else found
    return {name: values[field] for name, field in _SETTINGS.values()}


def _names(
    names: Mapping[str, Any], fast: Mapping[str, Any], vocabulary: Vocabulary, path: pathlib.Path
) -> dict[str, Any]:
    """The names of special tokens, with those that tokenizer.json alone says: unknown words' counts over others."""
    found = dict(names)
    unknown = (fast.get("model") or {}).get("unk_token")
    if unknown and unknown in vocabulary:
        named = added_tokens.content(names.get("unk_token"))
        if named and named != unknown:
            logging.warning("%s: unk_token is %s, not the %s of tokenizer_config.json", path, unknown, named)
        found["unk_token"] = unknown
    padding = (fast.get("padding") or {}).get("pad_token")
    if padding and not names.get("pad_token"):
        found["pad_token"] = padding
    template = tokenizer_json.read_template(fast, path)
    for key, ids in (("cls_token", template.before), ("sep_token", template.after)) if template else ():
        name = added_tokens.content(names.get(key)) or getattr(SpecialTokens(), _SPECIAL_KEYS[key])
        if name not in vocabulary and ids and ids[0] < len(vocabulary):
            found[key] = vocabulary.tokens[ids[0]]
    return found


def _special_tokens(names: Mapping[str, Any], path: pathlib.Path) -> SpecialTokens:
    """Returns the SpecialTokens of a JSON object whose values are names, or objects that hold them as `content`."""
    given = {name: added_tokens.content(names[key]) for key, name in _SPECIAL_KEYS.items() if names.get(key)}
    for key, name in _SPECIAL_KEYS.items():
        if not isinstance(given.get(name, ""), str):
            raise ConfigError(f"{path}: {key} must be a text, not {kind_of(given[name])}")
    return SpecialTokens(**given)
