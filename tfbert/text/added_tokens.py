"""The tokens that a folder adds to its vocabulary, from the four files that may say so."""

from __future__ import annotations

import pathlib
import typing
from collections.abc import Mapping
from typing import Any

from tfbert.errors import ConfigError, VocabularyError, kind_of
from tfbert.files import read_json_object
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.tokenizer_json import check_id, check_unused
from tfbert.text.vocabulary import Vocabulary

_LISTS = ("additional_special_tokens", "extra_special_tokens")  # of transformers before and since 5


class Files(typing.NamedTuple):
    """A folder and the JSON objects in it; {} for one that is not there."""

    folder: pathlib.Path
    fast: Mapping[str, Any]  # tokenizer.json
    config: Mapping[str, Any]  # tokenizer_config.json
    names: Mapping[str, Any]  # special tokens by their keys


def read(
    files: Files, vocabulary: Vocabulary, special: SpecialTokens, *, keeps_white_space: bool
) -> tuple[Vocabulary, list[AddedToken]]:
    """Returns the vocabulary with the tokens that were added to it after the others, and these as AddedTokens.

    tokenizer.json and `added_tokens_decoder` say how each is found. Older folders have only added_tokens.json and
    lists of special tokens: the former are found in normalized text, the latter in the text itself.

    Args:
        special: the special tokens by name.
        keeps_white_space: whether words may hold white space and the algorithm cannot take it away with a token.

    Raises ConfigError: a way to be found that tfbert does not have; VocabularyError: an id of two tokens.
    """
    folder, fast, config, names = files
    path = folder / "added_tokens.json"
    older = read_json_object(path, ConfigError) if path.exists() else {}
    specials = [content(name) for key in _LISTS for name in _listed(names.get(key))]
    for name, number in older.items():
        check_id(name, number, path)
    found: dict[str, tuple[int, Mapping[str, Any]]] = {name: (number, {}) for name, number in older.items()}
    found.update({token["content"]: (token["id"], token) for token in fast.get("added_tokens") or []})
    found.update(_decoder(config, folder / "tokenizer_config.json"))
    found.update({name: (vocabulary[name], {}) for name in specials if name in vocabulary and name not in found})

    tokens, added = list(vocabulary), []
    for name, (number, about) in sorted(found.items(), key=lambda item: item[1][0]):
        _check(name, about, folder, keeps_white_space)
        check_unused(name, number, len(vocabulary) + len(found), folder)
        if number >= len(tokens):
            tokens += ["" for _ in range(number - len(tokens))] + [name]  # ids between have no token
        elif tokens[number] != name and (name not in vocabulary or vocabulary[name] != number):
            raise VocabularyError(f"{folder}: the added token {name!r} has the id of {tokens[number]!r}, {number}")
        is_special = about.get("special", name in specials or name in special)
        flags = {side: about.get(side) or False for side in ("lstrip", "rstrip")}
        normalized = about.get("normalized", not is_special)
        added.append(AddedToken(name, normalized=normalized, special=is_special, **flags))
    return Vocabulary(tokens, vocabulary.source, vocabulary.merges), added


def _decoder(config: Mapping[str, Any], path: pathlib.Path) -> dict[str, tuple[int, Mapping[str, Any]]]:
    decoder = config.get("added_tokens_decoder") or {}
    if not isinstance(decoder, Mapping):
        raise ConfigError(f"{path}: added_tokens_decoder must be an object, not {kind_of(decoder)}")
    found = {}
    for number, token in decoder.items():
        if not isinstance(token, Mapping) or not isinstance(token.get("content"), str):
            raise ConfigError(
                f"{path}: added_tokens_decoder: {number!r:.40} must have an object with a content, which is text"
            )
        if not (number.isascii() and number.isdecimal() and len(number) < 20):
            raise VocabularyError(f"{path}: added_tokens_decoder has {number!r:.40}, which is no id")
        found[token["content"]] = int(number), token
    return found


def content(token: Any) -> Any:
    """Returns a token's text, of an object that says more of it, or as it is.

    >>> content({"content": "[MASK]", "lstrip": True})
    '[MASK]'
    """
    return token["content"] if isinstance(token, dict) else token


def _check(name: str, about: Mapping[str, Any], folder: pathlib.Path, keeps_white_space: bool) -> None:
    if about.get("single_word"):
        raise ConfigError(f"{folder}: the added token {name!r} has single_word=true, which tfbert does not find")
    if keeps_white_space and (about.get("lstrip") or about.get("rstrip")):
        raise ConfigError(
            f"{folder}: the added token {name!r} has lstrip or rstrip, and the pre-tokenizer keeps white space"
        )


def _listed(tokens: Any) -> list[Any]:
    """Names, of a list or of an object whose keys say what each is for."""
    return list(tokens.values()) if isinstance(tokens, dict) else list(tokens or ())
