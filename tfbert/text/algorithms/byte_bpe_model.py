"""A byte-level BPE vocabulary as SentencePiece models: one that merges as byte-pair encoding does, one of whole words.

SentencePiece merges the pair whose result has the best score, the leftmost of several; byte-pair encoding, the pair
of the least rank. They give the same where a token's score is minus the rank of the one merge that makes it of its own
letters, and tokens that are not made of their own letters are left out. Such a token occurs in no text: no merge
crossed the borders of a span that became a token, so that within it all went as on the span alone.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfbert.errors import VocabularyError
from tfbert.text.algorithms.byte_letters import BYTES, LETTERS, NEVER, bytes_of, charsmap
from tfbert.text.algorithms.sentencepiece_model import (
    BPE,
    UNIGRAM,
    UNKNOWN,
    Piece,
    SentencePieceModel,
    write,
)
from tfbert.text.vocabulary import Vocabulary

MARK = 0xFF  # a byte of no UTF-8 text, which stands before each word
_NOWHERE = Piece("\U0010fffe".encode(), 0.0, UNKNOWN)  # no text has this: texts are letters by then


class MergeModel(NamedTuple):
    """A word -> its tokens. The .model file; its pieces' ids in the vocabulary, int32 [P]."""

    data: bytes
    ids: np.ndarray  # -1 for what no text has


class WordModel(NamedTuple):
    """Texts with marks -> words that are tokens, and letters of the others.

    The .model file. Its pieces from `mark` on begin with a mark: that one is the mark alone, those behind it are
    words. int32 [P - mark] of these: ids in the vocabulary (-1 for the mark), bytes with the mark.
    """

    data: bytes
    mark: int
    ids: np.ndarray
    sizes: np.ndarray


def made_tokens(vocabulary: Vocabulary) -> dict[str, float]:
    """Returns {token: its score} of the tokens that texts are made of: letters, and what is made of them.

    Raises VocabularyError: it lacks tokens of its merges.
    """
    check_merges(vocabulary.merges, vocabulary, "merge {:,}".format, vocabulary.source)
    live = live_ranks(vocabulary.merges)
    made = {}
    for token in dict.fromkeys(vocabulary):
        if token in BYTES or token in live:
            raw = bytes_of(token)
            if raw is not None and NEVER.isdisjoint(raw):
                made[token] = 0.0 if token in BYTES else -float(live[token])
    return made


def merge_model(vocabulary: Vocabulary, made: Mapping[str, float], unknown_id: int | None) -> MergeModel:
    """Returns the model that merges.

    Args:
        vocabulary: a Vocabulary with merges.
        made: its `made_tokens`.
        unknown_id: of bytes whose letters the vocabulary lacks; None: it must have all.

    Raises VocabularyError: it lacks letters of bytes that texts have.
    """
    missing = [byte for byte in LETTERS if byte not in NEVER and LETTERS[byte] not in vocabulary]
    if missing and unknown_id is None:
        named = ", ".join(f"{LETTERS[byte]!r} (0x{byte:02X})" for byte in missing[:5])
        raise VocabularyError(
            f"{vocabulary.source} lacks the letters of {len(missing)} bytes, such as {named}, and has no token for "
            "what is unknown: byte-level BPE has all letters (train it with initial_alphabet=ByteLevel.alphabet())"
        )
    ids = dict.fromkeys(LETTERS.values(), -1 if unknown_id is None else unknown_id)
    ids |= {token: vocabulary[token] for token in made}
    pieces = [_NOWHERE, *(Piece(token.encode("utf-8"), made.get(token, 0.0)) for token in ids)]
    return MergeModel(_written(pieces, BPE), np.array([-1, *ids.values()], np.int32))


def word_model(vocabulary: Vocabulary, made: Mapping[str, float], runs: Mapping[int, int]) -> WordModel:
    """Returns the model of words that are tokens by themselves.

    The best way to spell a word is the one with the fewest letters: its own piece, where it has one.

    Args:
        vocabulary: a Vocabulary with merges.
        made: its `made_tokens`.
        runs: {a number of spaces: the id of the token that so many are, where they are a word}.
    """
    mark = LETTERS[MARK]
    words = {token: vocabulary[token] for token in made}
    words |= {LETTERS[0x20] * length: number for length, number in runs.items()}
    letters = [letter for letter in LETTERS.values() if letter != mark]
    pieces = [_NOWHERE, *(Piece(text.encode("utf-8"), -1.0) for text in (*letters, mark))]
    pieces += [Piece((mark + token).encode("utf-8")) for token in words]
    sizes = [1, *(1 + len(token) for token in words)]
    ids = np.array([-1, *words.values()], np.int32)
    return WordModel(_written(pieces, UNIGRAM), len(LETTERS), ids, np.array(sizes, np.int32))


def _written(pieces: Sequence[Piece], kind: str) -> bytes:
    return write(
        SentencePieceModel(
            tuple(pieces),
            kind=kind,
            charsmap=charsmap(),
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            escape_whitespaces=False,
        )
    )


def live_ranks(merges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Returns {token: the rank of the merge that makes it last}, of tokens that merges make of their own letters.

    >>> live_ranks([("a", "b"), ("b", "c"), ("a", "bc"), ("ab", "c")])
    {'ab': 0, 'bc': 1, 'abc': 3}
    """
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    live = {}
    for token in dict.fromkeys(first + second for first, second in merges):
        parts, last = list(token), -1
        while len(parts) > 1:
            rank, at = min(
                (ranks.get(pair, len(merges)), i) for i, pair in enumerate(zip(parts, parts[1:], strict=False))
            )
            if rank == len(merges):
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
            last = rank
        if len(parts) == 1:
            live[token] = last
    return live


def dead_tokens(vocabulary: Vocabulary) -> list[str]:
    """Returns the results of merges that no text has, for their own letters become other tokens."""
    live = live_ranks(vocabulary.merges)
    return [first + second for first, second in vocabulary.merges if first + second not in live]


def check_merges(
    merges: Iterable[tuple[str, str]], tokens: Container[str], place: Callable[[int], str], where: str
) -> None:
    """Raises VocabularyError: a merge of tokens that a vocabulary lacks; `place` names a merge by its number."""
    for number, (first, second) in enumerate(merges):
        for token in (first, second, first + second):
            if token not in tokens:
                raise VocabularyError(
                    f"{place(number)} joins {first!r:.40} and {second!r:.40}, and {where} lacks {token!r:.80}: merges "
                    "and tokens are of different vocabularies; take both files from one folder"
                )
