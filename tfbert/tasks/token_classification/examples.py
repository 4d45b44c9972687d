"""The example of a token classification: a text or its words, and the labelled spans in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tfbert.errors import DataError
from tfbert.tasks.columns import column_name, unknown_label
from tfbert.tasks.token_classification.tags import spans_of_tags

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.token_classification.task import TokenClassification

# Other data sets' names for the same columns.
_OTHER_NAMES = {
    "text": ("sentence",),
    "words": ("tokens",),
    "tags": ("ner_tags", "labels", "label"),
    "spans": ("entities", "label", "labels"),
}
_ROWS_PER_CALL = 1024  # bounds the memory of the offsets while the borders of words are looked up


def _column_name(part: str, table: Table, columns: Mapping[str, str]) -> str:
    """As `columns.column_name`; a column named for the label is the tags' or the spans'."""
    if part in ("tags", "spans") and "label" in columns:
        columns = {part: columns["label"], **columns}
    return column_name(part, table, columns, _OTHER_NAMES)


def has_words(table: Table, columns: Mapping[str, str]) -> bool:
    """Whether the rows are lists of words. If the table has texts too, only if it also has tags of the words."""
    text, words, tags = (_column_name(part, table, columns) in table.columns for part in ("text", "words", "tags"))
    return words and (tags or not text)


def labels_of(table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
    """All labels of a table's spans, sorted."""
    spans, _ = _read_spans(table, columns, has_words(table, columns))
    labels = {label for row in spans for _, _, label in row}
    if not labels:
        raise DataError(f"{table.source}: no entity in any row; nothing can be learned")
    return tuple(sorted(labels))


def read(task: TokenClassification, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: text or words, and spans: int32 [n, 3] a row, in order.

    A span is start, end (exclusive) and the number of its label, in characters of a text or in words.
    """
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    words = has_words(table, task.columns)
    name = _column_name("words" if words else "text", table, task.columns)
    texts = _words(table, name) if words else table.text_column(name)
    if not labelled:
        return {"words" if words else "text": texts}
    named, faults = _read_spans(table, task.columns, words)
    if training and not any(named):
        raise DataError(f"{table.source}: no entity in any row; nothing can be learned")
    numbers = {label: i for i, label in enumerate(task.labels)}
    spans = [
        np.array([(start, end, _number(label, numbers, table, i)) for start, end, label in row], np.int32).reshape(
            -1, 3
        )
        for i, row in enumerate(named)
    ]
    if not words:
        cut = _inside_words(task.tokenizer, texts, spans)
        faults = [*faults, ("spans begin or end inside a word or touch none, the words they touch are learned", cut)]
    for what, rows in faults:
        if rows:
            logging.warning("%s: %d %s, first at %s", table.source, len(rows), what, table.row_name(rows[0]))
    return {"words" if words else "text": texts, "spans": spans}


def _words(table, name):
    rows = table.list_column(name)
    for i, words in enumerate(rows):
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise DataError(f"{table.row_name(i)}: column {name!r} must hold a list of words, not {words!r:.80}")
    return rows


def _read_spans(table, columns, words):
    """For each row its sorted [(start, end, label), …]; and [(what is wrong, the rows that have it), …]."""
    tags, spans = (_column_name(part, table, columns) for part in ("tags", "spans"))
    if words and (tags in table.columns or spans not in table.columns):
        rows = _words(table, _column_name("words", table, columns))
        return _spans_of_tags(table, rows, table.list_column(tags), tags)
    texts = (table.list_column if words else table.column)(_column_name("words" if words else "text", table, columns))
    found, overlaps = [], []
    for i, (text, cell) in enumerate(zip(texts, table.column(spans), strict=True)):
        published = isinstance(cell, dict)
        row = _of_object(cell, text, table.row_name(i)) if published else _of_list(cell, spans, table.row_name(i))
        row.sort()
        for start, end, label in row:
            if not 0 <= start < end <= len(text):
                size = f"{len(text)} words" if words else f"text of {len(text)} characters"
                raise DataError(
                    f"{table.row_name(i)}: the span {[start, end, label]} is not inside its {size}; "
                    f"start and end count from 0, the end is exclusive"
                )
        kept = _without_overlaps(row)
        if len(kept) < len(row) and not published:
            one, other = next((a, b) for a, b in zip(row, row[1:], strict=False) if b[0] < a[1])
            raise DataError(
                f"{table.row_name(i)}: the spans {list(one)} and {list(other)} overlap; give each place one"
            )
        overlaps += [i] * (len(row) - len(kept))
        found.append(kept)
    return found, [("spans overlap a longer one and are left out", overlaps)]


def _spans_of_tags(table, rows, all_tags, name):
    def place(row, word):
        return f"{table.row_name(row)}, word {word + 1} ({rows[row][word]!r})"

    for i, (words, tags) in enumerate(zip(rows, all_tags, strict=True)):
        if not isinstance(tags, list) or not all(isinstance(tag, str) and tag for tag in tags):
            raise DataError(f"{table.row_name(i)}: column {name!r} must hold a list of tags, not {tags!r:.80}")
        if len(tags) != len(words):
            raise DataError(f"{table.row_name(i)}: {len(words)} words, but {len(tags)} tags")
    spans, begun = spans_of_tags(all_tags, place)
    return spans, [("tags I- begin an entity (as in IOB1) and are read as B-", [row for row, _ in begun])]


def _of_list(cell, name, where):
    if not isinstance(cell, list):
        raise DataError(f"{where}: column {name!r} must hold a list of [start, end, label], not {cell!r:.80}")
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
            raise DataError(f'{where}: a span is [start, end, label] or {{"start", "end", "label"}}, not {span!r:.80}')
        row.append(tuple(values))
    return row


def _of_object(cell, text, where):
    """CLUENER's form: {label: {surface: [[first, last], …]}}, the last character inclusive."""
    row = []
    for label, surfaces in cell.items():
        for surface, places in surfaces.items() if isinstance(surfaces, dict) else [(None, None)]:
            for place in places if isinstance(places, list) else [None]:
                if not isinstance(place, list) or [type(value) for value in place] != [int, int]:
                    raise DataError(f"{where}: {label!r} must hold {{text: [[first, last], …]}}, not {surfaces!r:.80}")
                first, last = place
                if text[first : last + 1] != surface:
                    raise DataError(f"{where}: characters {first} to {last} of its text are not {surface!r}")
                row.append((first, last + 1, label))
    return row


def _without_overlaps(row):
    kept = []
    for span in sorted(row, key=lambda span: span[0] - span[1]):  # the longest first
        if all(span[1] <= start or end <= span[0] for start, end, _ in kept):
            kept.append(span)
    return sorted(kept)


def _number(label, numbers, table, row):
    if label not in numbers:
        raise unknown_label(label, list(numbers), table.row_name(row))
    return numbers[label]


def _inside_words(tokenizer, texts, spans):
    """The row of each span that does not begin and end with a word."""
    rows = [i for i, row in enumerate(spans) if len(row)]
    found = []
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
            found += [i for start, end, _ in spans[i].tolist() if start not in starts or end not in ends]
    return found
