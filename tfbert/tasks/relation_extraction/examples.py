"""The example of relation extraction: a text that marks its two entities, or one with their places."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tfbert.data import columns as data_columns
from tfbert.errors import DataError
from tfbert.tasks.classification import examples as classification_examples
from tfbert.tasks.relation_extraction.entities import HEAD_MARKS, TAIL_MARKS

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.relation_extraction.task import RelationExtraction

# Other data sets' names for the columns head and tail.
_OTHER_NAMES = (("e1", "e2"), ("subject", "object"))
_SPAN = re.compile(r"[\[(]?\s*(-?\d+)\s*,\s*(-?\d+)\s*[\])]?")  # a cell of a TSV or CSV file: [3, 8] or 3,8
_ROWS_PER_CALL = 2048  # bounds the texts tokenized at once


def read(task: RelationExtraction, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: text, head and tail (pairs of ints) where it has spans, and label int [B].

    Without labels, texts are not checked: the answer says if an entity is missing.
    """
    columns = classification_examples.read(task, table, labelled=labelled, training=training)
    names = _span_columns(table, task.columns)
    if names:
        head, tail = (_spans(table, name) for name in names)
        columns = {"text": columns.pop("text"), "head": head, "tail": tail, **columns}
    if labelled:
        for i, text in enumerate(columns["text"]):
            if "head" in columns:
                _check_spans(table.row_name(i), text, columns["head"][i], columns["tail"][i])
            else:
                _check_marks(table.row_name(i), text)
    if training:
        _warn_of_distant_entities(task, table, columns)
    return columns


def marked(text: str, head: tuple[int, int], tail: tuple[int, int]) -> str:
    """The text with both spans marked, to be shown.

    >>> marked("audits about waste", (0, 6), (13, 18))
    '<e1>audits</e1> about <e2>waste</e2>'
    """
    first, second = sorted([(*head, HEAD_MARKS), (*tail, TAIL_MARKS)])
    begin, end, (opening, closing) = first
    begin_second, end_second, (opening_second, closing_second) = second
    return (
        f"{text[:begin]}{opening}{text[begin:end]}{closing}{text[end:begin_second]}"
        f"{opening_second}{text[begin_second:end_second]}{closing_second}{text[end_second:]}"
    )


def _span_columns(table, columns):
    """The names of the table's columns of heads and tails; None where it has neither."""
    own = (columns.get("head", "head"), columns.get("tail", "tail"))
    if any(name in table.columns for name in own):
        return own
    return next((pair for pair in _OTHER_NAMES if all(name in table.columns for name in pair)), None)


def _spans(table, name):
    """The cells of a column as (start, end), which may be lists, tuples, arrays or texts."""
    spans = []
    for i, cell in enumerate(table.column(name)):
        try:
            if isinstance(cell, str):
                cell = [int(number) for number in _SPAN.fullmatch(cell.strip()).groups()]
            start, end = (operator.index(number) for number in cell)
            np.array([start, end], np.int32)
        except (AttributeError, TypeError, ValueError, OverflowError):
            raise DataError(
                f"{table.row_name(i)}: {name!r} is {cell!r}; it must be [start, end], the entity's first character "
                "and the one after its last"
            ) from None
        spans.append((start, end))
    return spans


def _check_marks(place, text):
    counts = {mark: text.count(mark) for mark in (*HEAD_MARKS, *TAIL_MARKS)}
    for mark, count in counts.items():
        if count != 1:
            what = "lacks" if not count else f"has {count} times"
            raise DataError(
                f"{place}: the text {what} {mark}; mark each entity once, <e1>…</e1> and <e2>…</e2>, or give columns "
                "head and tail"
            )
    spans = [(text.index(opening), text.index(closing), opening) for opening, closing in (HEAD_MARKS, TAIL_MARKS)]
    for begin, end, mark in spans:
        if end < begin:
            raise DataError(f"{place}: the text closes {mark} before it opens it")
        _check_entity(place, mark, text[begin + len(mark) : end])
    (_, end, mark), (begin, _, other) = sorted(spans)
    if begin < end:
        raise DataError(f"{place}: {mark} and {other} overlap; the entities must be apart")


def _check_spans(place, text, head, tail):
    for name, (start, end) in (("head", head), ("tail", tail)):
        if not 0 <= start < end <= len(text):
            raise DataError(f"{place}: {name} [{start}, {end}] is no span of its text of {len(text)} characters")
        _check_entity(place, name, text[start:end])
    if max(head[0], tail[0]) < min(head[1], tail[1]):
        raise DataError(f"{place}: head {list(head)} and tail {list(tail)} overlap; the entities must be apart")


def _check_entity(place, name, entity):
    if not entity.strip():
        raise DataError(f"{place}: the entity {name} is empty")


def _warn_of_distant_entities(task, table, columns):
    """Warns of rows whose entities, with the text between them, are longer than `max_length`."""
    rows = []
    for start in range(0, len(table), _ROWS_PER_CALL):
        part = {name: values[start : start + _ROWS_PER_CALL] for name, values in columns.items() if name != "label"}
        entities = task.entities({name: data_columns.tensor(values) for name, values in part.items()})
        tokens = task.tokenizer.tokenize(np.ravel(entities.parts[:, 1:4])).row_lengths()
        lengths = np.reshape(tokens, (-1, 3)).sum(1)
        rows += (start + np.flatnonzero(lengths > task.room)).tolist()
    if rows:
        logging.warning(
            "%s: in %d of %d rows the entities and the text between them are longer than max_length %d and lose "
            "tokens in the middle, first in %s",
            *(table.source, len(rows), len(table), task.max_length, table.row_name(rows[0])),
        )
