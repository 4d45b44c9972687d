"""SentencePiece models in tokenizer.json, read and written.

Source: `tokenizers`, tokenizers/src/models/unigram.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tfbert.errors import ConfigError, VocabularyError, kind_of
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.sentencepiece_model import Piece, SentencePieceModel
from tfbert.text.algorithms.unigram_files import SentencePieceFiles
from tfbert.text.algorithms.unigram_rules import SentencePieceRules, read_rules, written
from tfbert.text.vocabulary import is_unicode


def read_tokenizer_json(fast: Mapping[str, Any], source: str | os.PathLike[str]) -> SentencePieceFiles:
    """Returns what a tokenizer.json with a Unigram model says; the template and special tokens are read elsewhere.

    Raises VocabularyError: a model that is none; ConfigError: rules that tfbert does not have, by name.
    """
    model = fast.get("model") or {}
    if model.get("type") != "Unigram":
        raise VocabularyError(f"{source} holds a model of type {model.get('type')!r:.40}, no Unigram model")
    if model.get("byte_fallback"):
        raise ConfigError(f"{source}: byte_fallback, tokens of bytes, which tfbert does not have")
    vocab, unknown = model.get("vocab"), model.get("unk_id")
    if not isinstance(vocab, list) or not 0 < len(vocab) <= sp.MOST_PIECES:
        raise VocabularyError(f"{source}: vocab must be a list of tokens with scores, not {kind_of(vocab)}")
    if isinstance(unknown, bool) or not isinstance(unknown, int) or not 0 <= unknown < len(vocab):
        raise VocabularyError(f"{source}: unk_id must be the id of a token, not {unknown!r:.40}")
    # Texts that spell a special token are split before; another added one may also come of what is normalized.
    added = {token["content"] for token in fast.get("added_tokens") or () if token.get("special")}
    pieces = [_of_json(item, number, source) for number, item in enumerate(vocab)]
    for number, piece in enumerate(pieces):
        if number == unknown:
            pieces[number] = piece._replace(kind=sp.UNKNOWN)
        elif piece.text.decode("utf-8") in added:
            pieces[number] = piece._replace(kind=sp.CONTROL)
    try:
        rules, charsmap = read_rules(fast.get("normalizer"), fast.get("pre_tokenizer"))
    except ConfigError as error:
        raise ConfigError(f"{source} has {error}") from None
    return SentencePieceFiles(SentencePieceModel(tuple(pieces), sp.UNIGRAM, charsmap, unknown), rules)


def written_tokenizer_json(model: SentencePieceModel, rules: SentencePieceRules) -> dict[str, Any]:
    """Returns `model`, `normalizer`, `pre_tokenizer` and `decoder` of a tokenizer.json.

    Raises ConfigError: a BPE model, which tokenizer.json states by merges.
    """
    if model.kind != sp.UNIGRAM:
        raise ConfigError(
            f"a SentencePiece model of type {model.kind} has no tokenizer.json here; keep its .model file"
        )
    vocab = [[piece.text.decode("utf-8"), piece.score] for piece in model.pieces]
    made = {"type": "Unigram", "unk_id": model.unk_id, "vocab": vocab, "byte_fallback": False}
    return {"model": made, **written(rules, model.charsmap)}


def _of_json(item: Any, number: int, source: str | os.PathLike[str]) -> Piece:
    """A token of a `vocab`. Raises VocabularyError."""
    if not isinstance(item, list) or len(item) != 2 or not isinstance(item[0], str) or not is_unicode(item[0]):
        raise VocabularyError(f"{source}: token {number} must be a text with a score, not {item!r:.80}")
    text, score = item
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not abs(score) < 1e30:
        raise VocabularyError(f"{source}: the score of token {number} must be a number, not {score!r:.40}")
    if not text or "\0" in text:
        raise VocabularyError(f"{source}: token {number} is {text!r:.80}, which no text can have")
    return Piece(text.encode("utf-8"), float(score))
