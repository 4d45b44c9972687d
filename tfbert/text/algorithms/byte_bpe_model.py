"""A byte-level BPE vocabulary as a SentencePiece model, which merges as byte-pair encoding does.

SentencePiece merges the pair whose result has the best score, the leftmost of several; byte-pair encoding, the pair
of the least rank. They give the same where a token's score is minus the rank of the one merge that makes it of its own
letters, and tokens that are not made of their own letters are left out. Such a token occurs in no text: no merge
crossed the borders of a span that became a token, so that within it all went as on the span alone.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tfbert.errors import VocabularyError
from tfbert.text.algorithms.byte_letters import BYTES, LETTERS, NEVER, bytes_of, charsmap
from tfbert.text.algorithms.sentencepiece_model import (
    BPE,
    UNKNOWN,
    USER_DEFINED,
    Piece,
    SentencePieceModel,
    write,
)
from tfbert.text.vocabulary import Vocabulary

# Bytes of no UTF-8 text, which mark borders in texts.
OPENS, CLOSES, BEFORE_LAST_SPACE = 0xFE, 0xFF, 0xFD
_MARKS = (OPENS, CLOSES, BEFORE_LAST_SPACE)


class Model(NamedTuple):
    """The .model file, and arrays int32 [P] of its pieces."""

    data: bytes
    ids: np.ndarray  # of the vocabulary; -1 for marks
    marks: np.ndarray  # how many bytes of a piece are marks
    opens: np.ndarray  # 1 for the mark that opens a word
    whole: np.ndarray  # 1 for a piece that is a word with both its marks


def model_of(vocabulary: Vocabulary, unknown_id: int | None) -> Model:
    """Returns the model of a vocabulary with merges.

    Words that are tokens are pieces of their own, with the marks around them: they need no merging.

    Args:
        unknown_id: of bytes whose letters the vocabulary lacks; None: it must have all.

    Raises VocabularyError: it lacks letters of bytes that texts have, or tokens of merges.
    """
    check_merges(vocabulary.merges, vocabulary, "merge {:,}".format, vocabulary.source)
    live = live_ranks(vocabulary.merges)
    missing = [byte for byte in LETTERS if byte not in NEVER and LETTERS[byte] not in vocabulary]
    if missing and unknown_id is None:
        named = ", ".join(f"{LETTERS[byte]!r} (0x{byte:02X})" for byte in missing[:5])
        raise VocabularyError(
            f"{vocabulary.source} lacks the letters of {len(missing)} bytes, such as {named}, and has no token for "
            "what is unknown: byte-level BPE has all letters (train it with initial_alphabet=ByteLevel.alphabet())"
        )
    pieces: list[Piece] = [Piece("\U0010fffe".encode(), 0.0, UNKNOWN)]  # no text has this: texts are letters by then
    rows: list[tuple[int, int, int, int]] = [(-1, 0, 0, 0)]
    for byte, letter in LETTERS.items():
        if byte in NEVER:
            number = -1
        else:
            number = vocabulary[letter] if letter in vocabulary else unknown_id
        pieces.append(Piece(letter.encode("utf-8")))
        rows.append((number, int(byte in _MARKS), int(byte == OPENS), 0))
    for token, raw in _made(vocabulary, live):
        if token not in BYTES:
            pieces.append(Piece(token.encode("utf-8"), -float(live[token])))
            rows.append((vocabulary[token], 0, 0, 0))
        if _is_text(raw):
            pieces.append(Piece(bytes((OPENS, *raw, CLOSES)), 0.0, USER_DEFINED))
            rows.append((vocabulary[token], 2, 0, 1))
    model = SentencePieceModel(
        tuple(pieces),
        kind=BPE,
        charsmap=charsmap(),
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        escape_whitespaces=False,
    )
    return Model(write(model), *np.array(rows, np.int32).T)


def _made(vocabulary: Vocabulary, live: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """Tokens, with their bytes, that texts are made of: letters, and what is made of them."""
    for token in dict.fromkeys(vocabulary):
        if token in BYTES or token in live:
            raw = bytes_of(token)
            if raw is not None and NEVER.isdisjoint(raw):
                yield token, raw


def _is_text(raw: bytes) -> bool:
    """Whether bytes may be a word that is a piece: UTF-8, and without NUL, which would end the piece's text."""
    if 0 in raw:
        return False
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


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
