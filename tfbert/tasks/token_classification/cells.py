"""What a cell of spans may hold: [start, end, label], objects of these, or CLUENER's form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tfbert.errors import RowError

Span = tuple[int, int, str]  # start, end (exclusive), label
Fault = Callable[[str, str], RowError]  # (message, kind) -> the error of the row


def spans_of(cell: Any, text: Sequence, name: str, fault: Fault) -> tuple[list[Span], int]:
    """The spans of a cell in order, and how many are left out: those of CLUENER's form that overlap a longer one.

    Args:
        text: a text, or words.
        name: of the column.

    >>> spans_of([[0, 4, "place"]], "Rome", "spans", RowError)
    ([(0, 4, 'place')], 0)
    """
    published = isinstance(cell, dict)
    row = sorted(_of_object(cell, text, fault) if published else _of_list(cell, name, fault))
    for start, end, label in row:
        if not 0 <= start < end <= len(text):
            size = f"text of {len(text)} characters" if isinstance(text, str) else f"{len(text)} words"
            raise fault(
                f"the span {[start, end, label]} is not inside its {size}; start and end count from 0, the end is "
                "exclusive",
                "a span outside its text",
            )
    kept = _without_overlaps(row)
    if len(kept) < len(row) and not published:
        one, other = next((a, b) for a, b in zip(row, row[1:], strict=False) if b[0] < a[1])
        raise fault(f"the spans {list(one)} and {list(other)} overlap; give each place one", "spans that overlap")
    return kept, len(row) - len(kept)


def _of_list(cell, name, fault):
    if not isinstance(cell, list):
        raise fault(f"column {name!r} must hold a list of [start, end, label], not {cell!r:.80}", "no list of spans")
    row = []
    for span in cell:
        values = [span.get(key) for key in ("start", "end", "label")] if isinstance(span, dict) else span
        if (
            not isinstance(values, (list, tuple))
            or [type(value) for value in values[:2]] != [int, int]
            or len(values) != 3
            or not isinstance(values[2], str)
            or not values[2]
        ):
            message = f'a span is [start, end, label] or {{"start", "end", "label"}}, not {span!r:.80}'
            raise fault(message, "a span of another form")
        row.append(tuple(values))
    return row


def _of_object(cell, text, fault):
    """CLUENER's form: {label: {surface: [[first, last], …]}}, the last character inclusive."""
    row = []
    for label, surfaces in cell.items():
        for surface, places in surfaces.items() if isinstance(surfaces, dict) else [(None, None)]:
            for place in places if isinstance(places, list) else [None]:
                if not isinstance(place, list) or [type(value) for value in place] != [int, int]:
                    message = f"{label!r} must hold {{text: [[first, last], …]}}, not {surfaces!r:.80}"
                    raise fault(message, "a span of another form")
                first, last = place
                if text[first : last + 1] != surface:
                    message = f"characters {first} to {last} of its text are not {surface!r}"
                    raise fault(message, "a span that is not its text")
                row.append((first, last + 1, label))
    return row


def _without_overlaps(row):
    kept = []
    for span in sorted(row, key=lambda span: span[0] - span[1]):  # the longest first
        if all(span[1] <= start or end <= span[0] for start, end, _ in kept):
            kept.append(span)
    return sorted(kept)
