"""Tags of words -> spans of words: IOB1, IOB2 (BIO), BIOES, BILOU, BMES, and bare labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tfbert.errors import DataError

_PREFIXED = re.compile(r"([BIMESLU])-(.+)", re.DOTALL)
_ENDS_ARE_SAID = set("EMSLU")  # the prefixes that BIO does not have


def spans_of_tags(
    rows: Sequence[Sequence[str]], place: Callable[[int, int], str]
) -> tuple[list[list[tuple[int, int, str]]], list[tuple[int, int]]]:
    """Rows of tags -> their spans, and the places where an I- begins an entity.

    IOB1 and IOB2 are read the same way: an I- after another label or O begins an entity, as in conlleval and seqeval.
    Bare labels: a run of the same label is one entity.

    Args:
        rows: lists of tags.
        place: (row, word) -> its name for messages.

    Returns:
        For each row [(start, end, label), …] in words, the end exclusive; and a list of (row, word).

    Raises:
        DataError: a tag unlike the others of the file, or an order of tags that BIOES and its like do not have.

    >>> spans_of_tags([["B-a", "I-a", "O", "I-b"]], "row {}, word {}".format)
    ([[(0, 2, 'a'), (3, 4, 'b')]], [(0, 3)])
    """
    distinct = {tag for tags in rows for tag in tags} - {"O"}
    prefixed = {tag: match.groups() for tag in distinct if (match := _PREFIXED.fullmatch(tag))}
    bare = distinct - prefixed.keys()
    if prefixed and bare:
        row, word = next((i, k) for i, tags in enumerate(rows) for k, tag in enumerate(tags) if tag in bare)
        raise DataError(
            f"{place(row, word)}: the tag {rows[row][word]!r} is of no scheme; others here are like {min(prefixed)!r}"
        )
    if bare:
        return [_runs(tags) for tags in rows], []
    if any(prefix in _ENDS_ARE_SAID for prefix, _ in prefixed.values()):
        return [_with_ends(tags, prefixed, lambda word, i=i: place(i, word)) for i, tags in enumerate(rows)], []
    begun = []
    return [
        _inside_outside(tags, prefixed, lambda word, i=i: begun.append((i, word))) for i, tags in enumerate(rows)
    ], begun


def _runs(tags):
    spans = []
    for i, tag in enumerate(tags):
        if tag == "O":
            continue
        if spans and spans[-1][1] == i and spans[-1][2] == tag:
            spans[-1] = (spans[-1][0], i + 1, tag)
        else:
            spans.append((i, i + 1, tag))
    return spans


def _inside_outside(tags, parts, begun):
    spans = []
    for i, tag in enumerate(tags):
        if tag == "O":
            continue
        prefix, label = parts[tag]
        goes_on = spans and spans[-1][1] == i and spans[-1][2] == label
        if prefix == "I" and goes_on:
            spans[-1] = (spans[-1][0], i + 1, label)
            continue
        if prefix == "I":
            begun(i)
        spans.append((i, i + 1, label))
    return spans


def _with_ends(tags, parts, place):
    spans, start, opened = [], None, None  # opened: the label of an entity whose end has not come
    for i, tag in enumerate([*tags, "O"]):
        prefix, label = parts[tag] if tag != "O" else ("O", None)
        if (opened is not None) != (prefix in "IMEL") or (opened is not None and label != opened):
            before = tags[i - 1] if i else "the beginning"
            what = f"{tag!r} follows {before!r}" if i < len(tags) else f"the row ends after {before!r}"
            raise DataError(f"{place(min(i, len(tags) - 1))}: {what}, which these tags do not allow")
        if prefix in "BSU":
            start, opened = i, label
        if prefix in "ELSU":
            spans.append((start, i + 1, label))
            opened = None
    return spans
