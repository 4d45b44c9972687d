"""Tags of words -> spans of words: IOB1, IOB2 (BIO), BIOES, BILOU, BMES, brackets, and bare labels."""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection, Sequence

from tfbert.errors import RowError
from tfbert.tasks.token_classification.schemes import bracketed, scheme_of

_ENDS_ARE_SAID = set("EMSLU")  # the prefixes that BIO does not have
_BAD_ORDER = "an entity that does not begin or end as its tags say"


def spans_of_tags(
    rows: Sequence[Sequence[str]],
    place: Callable[[int, int], str],
    labels: Collection[str] = (),
    say: Callable[[str, list[int]], None] = lambda what, rows: None,
) -> tuple[list[list[tuple[int, int, str]]], list[tuple[int, int]]]:
    """Rows of tags -> their spans, and the places where an I- begins an entity.

    IOB1 and IOB2 are read the same way: an I- after another label or O begins an entity, as in conlleval and seqeval.
    Bare labels: a run of the same label is one entity. How the tags are written, `scheme_of` finds out.

    Args:
        rows: lists of tags.
        place: (row, word) -> its name for messages.
        labels: those that are known.
        say: is called with what was recognised and its rows, where tags are not written as BIO usually is.

    Returns:
        For each row [(start, end, label), …] in words, the end exclusive; and a list of (row, word).

    Raises:
        RowError: a tag unlike the others of the file, or an order of tags that BIOES and its like do not have.

    >>> spans_of_tags([["B-a", "I-a", "O", "I-b"]], "row {}, word {}".format)
    ([[(0, 2, 'a'), (3, 4, 'b')]], [(0, 3)])
    """
    scheme = scheme_of(collections.Counter(tag for tags in rows for tag in tags), labels)
    if scheme.strange:
        row, word = next((i, k) for i, tags in enumerate(rows) for k, tag in enumerate(tags) if tag in scheme.strange)
        like = min(scheme.prefixes)
        message = f"{place(row, word)}: the tag {rows[row][word]!r} is of no scheme; others here are like {like!r}"
        raise RowError(message, "a tag of no scheme", row)
    if scheme.said:
        say(f"rows have {scheme.said}", [i for i, tags in enumerate(rows) if any(tag != "O" for tag in tags)])
    if scheme.bare:
        return [_runs(["O" if tag in scheme.outside else tag for tag in tags]) for tags in rows], []
    parts = dict(scheme.prefixes)
    if scheme.brackets:
        rows = [_of_brackets(tags, i, place) for i, tags in enumerate(rows)]
        parts = {tag: ("B" if tag[0] == "B" else "I", tag[2:]) for tags in rows for tag in tags if tag != "O"}
    rows = [["O" if tag in scheme.outside else tag for tag in tags] for tags in rows]
    if any(prefix in _ENDS_ARE_SAID for prefix, _ in parts.values()):
        return [_with_ends(tags, parts, i, place) for i, tags in enumerate(rows)], []
    begun: list[tuple[int, int]] = []
    return [
        _inside_outside(tags, parts, lambda word, i=i: begun.append((i, word))) for i, tags in enumerate(rows)
    ], begun


def _of_brackets(tags, row, place):
    found = bracketed(tags)
    if isinstance(found, int):
        raise RowError(
            f"{place(row, found)}: the brackets of {tags[found]!r} do not fit those before it", _BAD_ORDER, row
        )
    return found


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


def _with_ends(tags, parts, row, place):
    spans, start, opened = [], None, None  # opened: the label of an entity whose end has not come
    for i, tag in enumerate([*tags, "O"]):
        prefix, label = parts[tag] if tag != "O" else ("O", None)
        if (opened is not None) != (prefix in "IMEL") or (opened is not None and label != opened):
            before = tags[i - 1] if i else "the beginning"
            what = f"{tag!r} follows {before!r}" if i < len(tags) else f"the row ends after {before!r}"
            where = place(row, min(i, len(tags) - 1))
            raise RowError(f"{where}: {what}, which these tags do not allow", _BAD_ORDER, row)
        if prefix in "BSU":
            start, opened = i, label
        if prefix in "ELSU":
            spans.append((start, i + 1, label))
            opened = None
    return spans
