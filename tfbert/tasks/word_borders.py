"""Spans of texts that begin or end within a word, and what they may count instead of characters."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Span = tuple[int, int]
_ROWS_PER_CALL = 1024  # bounds the memory of the offsets
_NEARLY_ALL = 0.9
_SAMPLE = 1000  # spans that are read in other ways


def spans_inside_words(tokenizer: Any, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> tuple[list[int], str]:
    """The row of each span that does not begin and end with a word, and what would fit most spans better, or "".

    Args:
        spans: for each text (start, end) in characters, the end exclusive.

    >>> spans_inside_words(tokenizer, ["where is my parcel", "my refund"], [[(0, 4), (12, 17)], [(3, 8)]])
    ([0, 0, 1], 'ends look inclusive: with one more each, 3 of 3 spans end with a word')
    """
    found: list[int] = []
    sample: list[tuple[str, Span, set[int], set[int]]] = []
    fitting = 0
    for i, (starts, ends) in _borders(tokenizer, texts, [i for i, row in enumerate(spans) if len(row)]):
        for start, end in spans[i]:
            fits = start in starts and end in ends
            if not fits:
                found.append(i)
            if len(sample) < _SAMPLE:
                sample.append((texts[i], (start, end), starts, ends))
                fitting += fits
    return found, _hint(sample, fitting) if found else ""


def _hint(sample: Sequence[tuple[str, Span, set[int], set[int]]], fitting: int) -> str:
    """How nearly all of the spans would fit words, where fewer do now."""
    for what, read in _OTHER_READINGS.items():
        others = [(read(text, *span), starts, ends) for text, span, starts, ends in sample]
        count = sum(span is not None and span[0] in starts and span[1] in ends for span, starts, ends in others)
        if count > fitting and count >= _NEARLY_ALL * len(sample):
            return what.format(f"{count:,} of {len(sample):,} spans")
    return ""


def _borders(tokenizer: Any, texts: Sequence[str], rows: list[int]) -> Iterator[tuple[int, tuple[set[int], set[int]]]]:
    """For each of the rows the characters at which its words begin and end."""
    for first in range(0, len(rows), _ROWS_PER_CALL):
        some = rows[first : first + _ROWS_PER_CALL]
        pieces = tokenizer.tokenize([texts[i] for i in some], offsets=True)
        splits = pieces["word_ids"].row_splits.numpy()
        word, offsets = pieces["word_ids"].flat_values.numpy(), pieces["character_offsets"].flat_values.numpy()
        for k, i in enumerate(some):
            inside = slice(splits[k], splits[k + 1])
            changes = np.flatnonzero(np.diff(word[inside]))
            starts = {*offsets[inside][:1, 0].tolist(), *offsets[inside][changes + 1, 0].tolist()}
            ends = {*offsets[inside][-1:, 1].tolist(), *offsets[inside][changes, 1].tolist()}
            yield i, (starts, ends)


def _with_the_last(text: str, start: int, end: int) -> Span | None:
    return (start, end + 1) if end < len(text) else None


def _in_words(text: str, start: int, end: int) -> Span | None:
    places, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        places.append((at, at + len(word)))
        at += len(word)
    return (places[start][0], places[end - 1][1]) if 0 <= start < end <= len(places) else None


def _in_bytes(text: str, start: int, end: int) -> Span | None:
    if text.isascii():
        return None
    sizes = [0]
    for character in text:
        sizes.append(sizes[-1] + len(character.encode("utf-8", "replace")))
    found = [bisect.bisect_left(sizes, place) for place in (start, end)]
    if any(place >= len(sizes) or sizes[place] != wanted for place, wanted in zip(found, (start, end), strict=True)):
        return None
    return found[0], found[1]


_OTHER_READINGS = {
    "ends look inclusive: with one more each, {} end with a word": _with_the_last,
    "they look counted in words: so {} fit": _in_words,
    "they look counted in bytes of UTF-8: so {} fit": _in_bytes,
}
