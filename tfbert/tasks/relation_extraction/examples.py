"""The example of relation extraction: a text that marks its two entities, or one with their places."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.data import columns as data_columns
from tfbert.tasks.classification import examples as classification_examples
from tfbert.tasks.classification.label_columns import label_cells
from tfbert.tasks.classification.label_reading import UNKNOWN
from tfbert.tasks.classification.labels import name_of
from tfbert.tasks.relation_extraction.entities import HEAD_MARKS, TAIL_MARKS
from tfbert.tasks.relation_extraction.relations import numbers_of_unknown
from tfbert.tasks.relation_extraction.shapes import usual, with_usual_marks
from tfbert.tasks.word_borders import spans_inside_words

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.relation_extraction.task import RelationExtraction

# Other data sets' names for the columns head and tail.
_OTHER_NAMES = (("e1", "e2"), ("subject", "object"))
_SPAN = re.compile(r"[\[(]?\s*(-?\d+)\s*,\s*(-?\d+)\s*[\])]?")  # a cell of a TSV or CSV file: [3, 8] or 3,8
_ROWS_PER_CALL = 2048  # bounds the texts tokenized at once


def labels_of(table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
    """All labels of a table, sorted."""
    return classification_examples.labels_of(usual(table, columns), "single_label", columns, separator="")


def read(task: RelationExtraction, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: text, head and tail (pairs of ints) where it has spans, and label int [B].

    Without labels, texts are not checked: the answer says if an entity is missing. Rows without a label are left out.
    A label that the task does not have is a number below 0 in evaluation, see `numbers_of_unknown`.
    """
    table = usual(table, task.columns)
    columns, kept = classification_examples.read_rows(task, table, labelled=labelled, training=training)
    names = _span_columns(table, task.columns)
    if names:
        head, tail = (_spans(table, name) for name in names)
        columns = {"text": columns.pop("text"), "head": head, "tail": tail, **columns}
    else:
        columns["text"] = [with_usual_marks(text) for text in columns["text"]]
    if labelled:
        for i, text in enumerate(columns["text"]):
            if "head" in columns:
                _check_spans(table, i, text, columns["head"][i], columns["tail"][i])
            else:
                _check_marks(table, i, text)
        _note_cut_words(task, table, columns)
        columns["label"] = _with_relations(task, table, columns["label"], kept)
    if training:
        _note_distant_entities(task, table, columns)
    return classification_examples.of_rows(columns, kept) if len(kept) < len(table) else columns


def _with_relations(task, table, labels, kept):
    """The labels, of which the unknown ones say which relation they are of if that is known."""
    unknown = [i for i in kept if labels[i] == UNKNOWN]
    if unknown:
        labels = labels.copy()
        cells, _ = label_cells(table, task.problem, task.columns, task.labels)
        labels[unknown] = numbers_of_unknown(task.labels, [name_of(cells[i]) for i in unknown])
    return labels


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
            message = f"{name!r} is {cell!r}; it must be [start, end], the entity's first character and the one after"
            message += " its last"
            raise table.row_error(i, message, "a span of another form") from None
        spans.append((start, end))
    return spans


def _check_marks(table, i, text):
    counts = {mark: text.count(mark) for mark in (*HEAD_MARKS, *TAIL_MARKS)}
    for mark, count in counts.items():
        if count != 1:
            what = "lacks" if not count else f"has {count} times"
            message = (
                f"the text {what} {mark}; mark each entity once, <e1>…</e1> and <e2>…</e2>, or << … >> and [[ … ]], or "
                "give columns head and tail"
            )
            raise table.row_error(i, message, "an entity that is not marked once")
    spans = [(text.index(opening), text.index(closing), opening) for opening, closing in (HEAD_MARKS, TAIL_MARKS)]
    for begin, end, mark in spans:
        if end < begin:
            message = f"the text closes {mark} before it opens it"
            raise table.row_error(i, message, "an entity that is not marked once")
        _check_entity(table, i, mark, text[begin + len(mark) : end])
    (_, end, mark), (begin, _, other) = sorted(spans)
    if begin < end:
        raise table.row_error(i, f"{mark} and {other} overlap; the entities must be apart", "entities that overlap")


def _check_spans(table, i, text, head, tail):
    for name, (start, end) in (("head", head), ("tail", tail)):
        if start == end and 0 <= start <= len(text):
            message = f"the entity {name} is empty, [{start}, {end}]; the end is the character after the last"
            raise table.row_error(i, message, "an empty entity")
        if not 0 <= start < end <= len(text):
            message = f"{name} [{start}, {end}] is no span of its text of {len(text)} characters"
            raise table.row_error(i, message, "an entity outside its text")
        _check_entity(table, i, name, text[start:end])
    if max(head[0], tail[0]) < min(head[1], tail[1]):
        message = f"head {list(head)} and tail {list(tail)} overlap; the entities must be apart"
        raise table.row_error(i, message, "entities that overlap")


def _check_entity(table, i, name, entity):
    if not entity.strip():
        raise table.row_error(i, f"the entity {name} is empty", "an empty entity")


def _note_cut_words(task, table, columns):
    if "head" not in columns:
        return
    spans = list(map(sorted, zip(columns["head"], columns["tail"], strict=True)))
    rows, hint = spans_inside_words(task.tokenizer, columns["text"], spans)
    table.note("entities begin or end inside a word" + (f" ({hint})" if hint else ""), rows)


def _note_distant_entities(task, table, columns):
    """Notes rows whose entities, with the text between them, are longer than `max_length`."""
    rows = []
    for start in range(0, len(table), _ROWS_PER_CALL):
        part = {name: values[start : start + _ROWS_PER_CALL] for name, values in columns.items() if name != "label"}
        entities = task.entities({name: data_columns.tensor(values) for name, values in part.items()})
        tokens = task.tokenizer.tokenize(np.ravel(entities.parts[:, 1:4])).row_lengths()
        lengths = np.reshape(tokens, (-1, 3)).sum(1)
        rows += (start + np.flatnonzero(lengths > task.room)).tolist()
    what = f"of {len(table):,} rows have entities that, with the text between them, are longer than max_length "
    table.note(what + f"{task.max_length} and lose tokens in the middle", rows)
