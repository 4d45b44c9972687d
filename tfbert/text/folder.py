"""The tokenizer's part of a model folder: vocab.txt, tokenizer_config.json, tokenizer.json and their helpers."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfbert.errors import ConfigError, VocabularyError
from tfbert.files import read_json_object, replace_file, replace_json
from tfbert.text.config import is_bert
from tfbert.text.special_tokens import AddedToken, SpecialTokens
from tfbert.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer

_NO_LIMIT = 1_000_000  # Hugging Face writes 1e30 where a tokenizer has no maximum
_SETTINGS = {
    "do_lower_case": "lower_case",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "tokenize_chinese_chars",
}
_SPECIAL_KEYS = {
    "unk_token": "unknown",
    "cls_token": "start",
    "sep_token": "separator",
    "pad_token": "padding",
    "mask_token": "mask",
}


def read_folder(folder: str | os.PathLike[str]) -> tuple[Vocabulary, dict[str, Any]]:
    """Returns the Vocabulary of `folder` and a dict of those of Tokenizer's arguments that the folder states.

    tokenizer_config.json counts first, then tokenizer.json. With neither, as in Google's TF1 folders, text is
    lower-cased unless the vocabulary holds a word with a capital letter. Raises VocabularyError and ConfigError.
    """
    folder = pathlib.Path(folder)
    fast = _read_json(folder / "tokenizer.json")
    config = _read_json(folder / "tokenizer_config.json")
    if (folder / "vocab.txt").exists():
        vocabulary = Vocabulary.from_file(folder / "vocab.txt")
    elif fast is not None:
        vocabulary = _vocabulary(fast, folder / "tokenizer.json")
    else:
        raise VocabularyError(f"there is neither vocab.txt nor tokenizer.json in {folder}")

    settings = {}
    normalizer = (fast or {}).get("normalizer") or {}
    if normalizer.get("type") == "BertNormalizer":
        settings["lower_case"] = normalizer.get("lowercase", True)
        settings["strip_accents"] = normalizer.get("strip_accents")
        settings["tokenize_chinese_chars"] = normalizer.get("handle_chinese_chars", True)
    elif config is None:
        settings["lower_case"] = not has_capitals(vocabulary)
    settings.update(_settings(config or {}, folder / "tokenizer_config.json"))
    names = {**(_read_json(folder / "special_tokens_map.json") or {}), **(config or {})}
    settings["special_tokens"] = special = _special_tokens(names)
    vocabulary, added = _added(folder, vocabulary, fast or {}, config or {}, names)
    settings["added_tokens"] = [token for token in added if token.content not in special]
    return vocabulary, settings


def has_capitals(vocabulary: Vocabulary) -> bool:
    """Whether a vocabulary holds a word with a capital letter, as one of text that is not lower-cased.

    >>> has_capitals(Vocabulary(["[PAD]", "A", "London"]))
    True
    """
    return any(len(token) > 1 and token.isalpha() and token != token.lower() for token in vocabulary)


def write_folder(folder: str | os.PathLike[str], tokenizer: Tokenizer) -> None:
    """Writes vocab.txt and tokenizer_config.json; removes what would be read before or beside them.

    Raises VocabularyError for a token with a line break, ConfigError for a template that is not BERT's, DiskError.
    """
    folder = pathlib.Path(folder)
    vocabulary = tokenizer.vocabulary
    if not is_bert(tokenizer):
        raise ConfigError(f"{folder}: the files of a BertTokenizer have no place for the template {tokenizer.template}")
    for number, token in enumerate(vocabulary):
        if "\n" in token:
            raise VocabularyError(f"token {number}, {token!r}, has a line break and cannot be a line of vocab.txt")
    with replace_file(folder / "vocab.txt", "wb") as file:
        file.write("".join(f"{token}\n" for token in vocabulary).encode("utf-8"))
    special = [AddedToken(name, special=True) for name in tokenizer.special_tokens.in_vocabulary(vocabulary)]
    config = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": tokenizer.lower_case,
        "strip_accents": tokenizer.strip_accents,
        "tokenize_chinese_chars": tokenizer.tokenize_chinese_chars,
        "model_max_length": tokenizer.max_length,
        **{key: getattr(tokenizer.special_tokens, name) for key, name in _SPECIAL_KEYS.items()},
        "added_tokens_decoder": {
            str(vocabulary[token.content]): {
                "content": token.content,
                "lstrip": False,
                "normalized": token.normalized,
                "rstrip": False,
                "single_word": False,
                "special": token.special,
            }
            for token in (*special, *tokenizer.added_tokens)
        },
    }
    replace_json(folder / "tokenizer_config.json", config)
    for name in ("tokenizer.json", "special_tokens_map.json", "added_tokens.json"):
        (folder / name).unlink(missing_ok=True)


def _read_json(path: pathlib.Path) -> dict[str, Any] | None:
    return read_json_object(path, ConfigError) if path.exists() else None


def _settings(config: Mapping[str, Any], path: pathlib.Path) -> dict[str, Any]:
    if config.get("word_tokenizer_type", "basic") != "basic":
        raise ConfigError(
            f"{path}: word_tokenizer_type={config['word_tokenizer_type']!r}; the graph splits words by "
            "BERT's own rules only: split the texts beforehand and remove this key"
        )
    stated = {key: config[key] for key in _SETTINGS if key in config}
    for key, value in stated.items():
        if not (isinstance(value, bool) or (key == "strip_accents" and value is None)):
            raise ConfigError(f"{path}: {key} is {value!r}; expected true or false")
    settings = {_SETTINGS[key]: value for key, value in stated.items()}
    max_length = config.get("model_max_length", config.get("max_len"))
    if not isinstance(max_length, (int, float, type(None))):
        raise ConfigError(f"{path}: model_max_length is {max_length!r}; expected a number")
    if max_length is not None and max_length < _NO_LIMIT:
        settings["max_length"] = int(max_length)
    return settings


def _special_tokens(names: Mapping[str, Any]) -> SpecialTokens:
    """Returns the SpecialTokens of a JSON object whose values are names, or objects that hold them as `content`."""
    given = {name: _content(names[key]) for key, name in _SPECIAL_KEYS.items() if names.get(key)}
    return SpecialTokens(**given)


def _added(
    folder: pathlib.Path,
    vocabulary: Vocabulary,
    fast: Mapping[str, Any],
    config: Mapping[str, Any],
    names: Mapping[str, Any],
) -> tuple[Vocabulary, list[AddedToken]]:
    """Returns the vocabulary with the tokens that were added to it after the others, and these as AddedTokens.

    tokenizer.json and `added_tokens_decoder` say how each is found. Older folders have only added_tokens.json and
    lists of special tokens: the former are found in normalized text, the latter in the text itself.
    """
    specials = [_content(name) for name in names.get("additional_special_tokens") or []]
    found = {content: (number, {}) for content, number in (_read_json(folder / "added_tokens.json") or {}).items()}
    found.update({token["content"]: (token["id"], token) for token in fast.get("added_tokens") or []})
    decoder = config.get("added_tokens_decoder") or {}
    found.update({token["content"]: (int(number), token) for number, token in decoder.items()})
    found.update({name: (vocabulary[name], {}) for name in specials if name in vocabulary and name not in found})

    tokens, added = list(vocabulary), []
    for content, (number, about) in sorted(found.items(), key=lambda item: item[1][0]):
        if about.get("single_word"):
            raise ConfigError(f"{folder}: the added token {content!r} has single_word=true, which tfbert does not find")
        if number >= len(tokens):
            tokens += ["" for _ in range(number - len(tokens))] + [content]  # ids between have no token
        elif tokens[number] != content and (content not in vocabulary or vocabulary[content] != number):
            raise VocabularyError(f"{folder}: the added token {content!r} has the id of {tokens[number]!r}, {number}")
        special = about.get("special", content in specials)
        added.append(AddedToken(content, normalized=about.get("normalized", not special), special=special))
    return Vocabulary(tokens, vocabulary.source), added


def _content(token: Any) -> Any:
    return token["content"] if isinstance(token, dict) else token


def _vocabulary(fast: Mapping[str, Any], path: pathlib.Path) -> Vocabulary:
    model = fast.get("model") or {}
    ids = model.get("vocab")
    if model.get("type", "WordPiece") != "WordPiece" or not isinstance(ids, dict) or "merges" in model:
        raise VocabularyError(f"{path} holds no WordPiece vocabulary")
    tokens = [""] * (max(ids.values(), default=-1) + 1)
    for token, number in ids.items():
        tokens[number] = token
    return Vocabulary(tokens, path)
