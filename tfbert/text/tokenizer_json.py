"""tokenizer.json, the one file that says all of a tokenizer: its vocabulary, rules and template, read and written.

Source: `tokenizers`, tokenizers/src/tokenizer/serialization.rs and processors/template.rs.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfbert.errors import ConfigError, VocabularyError, kind_of
from tfbert.files import replace_json
from tfbert.text.algorithms.rules import CONTINUATION, MAX_WORD_CHARACTERS, Rules
from tfbert.text.special_tokens import AddedToken
from tfbert.text.template import Template
from tfbert.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer


MOST_UNUSED_IDS = 1_000_000  # that no token has: one id of 10^12 must not make a list of so many


def check(fast: Mapping[str, Any], path: pathlib.Path) -> None:
    """Raises ConfigError: a key of a tokenizer.json has a value of another type, by name."""
    for key in ("model", "normalizer", "pre_tokenizer", "post_processor", "truncation", "padding"):
        if not isinstance(fast.get(key), (Mapping, type(None))):
            raise ConfigError(f"{path}: {key} must be an object, not {kind_of(fast[key])}")
    added = fast.get("added_tokens")
    if not isinstance(added, (list, type(None))):
        raise ConfigError(f"{path}: added_tokens must be a list, not {kind_of(added)}")
    for token in added or ():
        if not isinstance(token, Mapping) or not isinstance(token.get("content"), str):
            raise ConfigError(f"{path}: added_tokens must be objects with a content, which is text")
        check_id(token["content"], token.get("id"), path)


def check_id(token: str, number: Any, path: str | os.PathLike[str]) -> None:
    """Raises VocabularyError: the id of a token is none."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise VocabularyError(f"{path}: the id of {token!r:.80} must be an integer from 0, not {str(number):.40}")


def check_unused(token: str, number: int, size: int, path: str | os.PathLike[str]) -> None:
    """Raises VocabularyError: an id that leaves too many without a token, of a vocabulary of `size` tokens."""
    if number >= size + MOST_UNUSED_IDS:
        raise VocabularyError(
            f"{path}: {token!r:.80} has the id {number:,}, and the vocabulary has {size:,} tokens; at most "
            f"{MOST_UNUSED_IDS:,} ids may have none"
        )


def read_vocabulary(fast: Mapping[str, Any], path: pathlib.Path) -> Vocabulary:
    """Returns the Vocabulary of a tokenizer.json. Raises VocabularyError: it holds none of WordPiece."""
    return Vocabulary(tokens_of(_ids(fast, path), path), path)


def tokens_of(ids: Mapping[str, Any], path: pathlib.Path) -> list[str]:
    """Returns tokens in the order of their ids, "" where an id has none. Raises VocabularyError: an id that is none."""
    for token, number in ids.items():
        check_id(token, number, path)
    if ids:
        last = max(ids, key=ids.__getitem__)
        check_unused(last, ids[last], len(ids), path)
    tokens = [""] * (max(ids.values(), default=-1) + 1)
    for token, number in ids.items():
        tokens[number] = token
    return tokens


def agrees(fast: Mapping[str, Any], vocabulary: Vocabulary, path: pathlib.Path) -> bool:
    """Whether a vocab.txt has the tokens of a tokenizer.json, and besides them at most its added ones."""
    ids = _ids(fast, path) if (fast.get("model") or {}).get("vocab") else {}
    added = {token["content"]: token["id"] for token in fast.get("added_tokens") or []}
    return all(token in vocabulary and vocabulary[token] == number for token, number in ids.items()) and all(
        ids.get(token, added.get(token)) == vocabulary[token] for token in vocabulary if token
    )


def _ids(fast: Mapping[str, Any], path: pathlib.Path) -> dict[str, int]:
    model = fast.get("model") or {}
    ids = model.get("vocab")
    if model.get("type", "WordPiece") != "WordPiece" or not isinstance(ids, dict) or "merges" in model:
        raise VocabularyError(f"{path} holds no WordPiece vocabulary")
    return ids


def read_rules(fast: Mapping[str, Any], stated: Mapping[str, Any], path: pathlib.Path) -> Rules:
    """Returns the Rules of a tokenizer.json, of which `stated` are fields of a BertNormalizer that count instead.

    Raises ConfigError: what tfbert does not have, by name.
    """
    normalizer = fast.get("normalizer", {"type": "BertNormalizer"})
    if normalizer is not None and normalizer.get("type") == "BertNormalizer":
        defaults = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
        normalizer = {**defaults, **normalizer, **stated}
    model = fast.get("model") or {}
    prefix = model.get("continuing_subword_prefix", CONTINUATION)
    limit = model.get("max_input_chars_per_word", MAX_WORD_CHARACTERS)
    if not isinstance(prefix, str):
        raise ConfigError(f"{path}: continuing_subword_prefix must be a text, not {kind_of(prefix)}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise ConfigError(f"{path}: max_input_chars_per_word must be an integer from 0, not {str(limit):.40}")
    try:
        return Rules(normalizer, fast.get("pre_tokenizer", {"type": "BertPreTokenizer"}), prefix, limit)
    except ConfigError as error:
        raise ConfigError(f"{path} has {error}") from None


def read_template(fast: Mapping[str, Any], path: pathlib.Path) -> Template | None:
    """Returns the Template of a tokenizer.json's post-processor; None where it has none.

    Raises ConfigError: special tokens that a Template has no place for.
    """
    post = fast.get("post_processor")
    if post is None:
        return None
    kind = post.get("type")
    if kind == "TemplateProcessing":
        return _parsed(post, path)
    if kind in ("BertProcessing", "RobertaProcessing"):
        start, separator = post["cls"][1], post["sep"][1]
        is_first = kind == "BertProcessing"
        between = (separator,) if is_first else (separator, separator)
        return Template((start,), between, (separator,), second_segment=int(is_first))
    raise ConfigError(f"{path} has the post-processor {kind}; tfbert has TemplateProcessing")


def _parsed(post: Mapping[str, Any], path: pathlib.Path) -> Template:
    def ids(pieces: list[Any], segment: int) -> tuple[int, ...]:
        for piece in pieces:
            if piece["SpecialToken"]["type_id"] != segment:
                raise ConfigError(
                    f"{path}: the post-processor gives {piece['SpecialToken']} another segment than tfbert"
                )
        return tuple(i for piece in pieces for i in post["special_tokens"][piece["SpecialToken"]["id"]]["ids"])

    single, pair = post["single"], post["pair"]
    places = [[i for i, piece in enumerate(of) if "Sequence" in piece] for of in (single, pair)]
    texts = [[pieces[i]["Sequence"] for i in at] for pieces, at in zip((single, pair), places, strict=True)]
    if [[text["id"] for text in of] for of in texts] != [["A"], ["A", "B"]] or texts[1][0]["type_id"] != 0:
        raise ConfigError(f"{path}: the post-processor does not put A, and B after A, between special tokens")
    (first,), (a, b) = places
    segment = texts[1][1]["type_id"]
    before, after = ids(single[:first], 0), ids(single[first + 1 :], 0)
    if (before, after) != (ids(pair[:a], 0), ids(pair[b + 1 :], segment)):
        raise ConfigError(f"{path}: the post-processor puts other special tokens around a pair than around one text")
    return Template(before, ids(pair[a + 1 : b], 0), after, segment)


def wordpiece_parts(tokenizer: Tokenizer, rules: Rules) -> dict[str, Any]:
    """Returns the keys of a tokenizer.json that are of WordPiece, post-processor included."""
    vocabulary = tokenizer.vocabulary
    return {
        "normalizer": rules.normalizer,
        "pre_tokenizer": rules.pre_tokenizer,
        "post_processor": template_processing(tokenizer.template, vocabulary),
        "decoder": {"type": "WordPiece", "prefix": rules.continuation, "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": tokenizer.special_tokens.unknown,
            "continuing_subword_prefix": rules.continuation,
            "max_input_chars_per_word": rules.max_word_characters,
            "vocab": {token: vocabulary[token] for token in vocabulary if token},
        },
    }


def write(folder: pathlib.Path, tokenizer: Tokenizer, parts: Mapping[str, Any]) -> None:
    """Writes tokenizer.json of a Tokenizer, as `tokenizers` and transformers' PreTrainedTokenizerFast read it.

    `parts` are the keys that are of its algorithm.
    """
    vocabulary, special = tokenizer.vocabulary, tokenizer.special_tokens
    named = {name: AddedToken(name, special=True) for name in special.in_vocabulary(vocabulary)}
    added = {**named, **{token.content: token for token in tokenizer.added_tokens}}
    replace_json(
        folder / "tokenizer.json",
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {"id": number, **token.to_json()}
                for number, name, token in sorted((vocabulary[name], name, token) for name, token in added.items())
            ],
            **parts,
        },
    )


def template_processing(template: Template, vocabulary: Vocabulary) -> dict[str, Any]:
    """Returns the post-processor that puts a Template's special tokens around texts."""

    def special(ids: tuple[int, ...], segment: int) -> list[Any]:
        return [{"SpecialToken": {"id": vocabulary.tokens[number], "type_id": segment}} for number in ids]

    second, first = template.second_segment, [{"Sequence": {"id": "A", "type_id": 0}}]
    before, between = special(template.before, 0), special(template.between, 0)
    pair = [*before, *first, *between, {"Sequence": {"id": "B", "type_id": second}}, *special(template.after, second)]
    tokens = [(number, vocabulary.tokens[number]) for number in template.ids]
    return {
        "type": "TemplateProcessing",
        "single": [*before, *first, *special(template.after, 0)],
        "pair": pair,
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]} for number, token in tokens},
    }
