"""The example of a classification: which columns it reads, and its labels as numbers.

Several labels of a text are a list or a text of names or numbers, or a column of 0 and 1 for each label; a column whose
every cell is a list of 0 and 1, one for each label, is a 0/1 matrix.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.errors import DataError
from tfbert.tasks.classification.label_columns import OTHER_NAMES, label_cells
from tfbert.tasks.classification.label_lists import is_matrix, lists_of_texts, of_one
from tfbert.tasks.classification.label_reading import (
    Regression,
    Several,
    Single,
    has_none,
    no_labels,
    one_name,
    several_names,
)
from tfbert.tasks.classification.labels import REMEDY, is_missing, sorted_names, stands_for_none
from tfbert.tasks.columns import column_name, has_column

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.classification.task import Classification
    from tfbert.tasks.relation_extraction.task import RelationExtraction

_QNLI = {"text": "question", "text_pair": "sentence"}  # a sentence without a question is a text of its own


def has_pairs(table: Table, columns: Mapping[str, str]) -> bool:
    """Whether the table has a second text."""
    return _is_qnli(table, columns) or has_column("text_pair", table, columns, OTHER_NAMES)


def pairs_unread(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """The table's column of the text that only pairs have, if there is one, and what to do to have it read."""
    if not has_pairs(table, columns):
        return {}
    name = _QNLI["text"] if _is_qnli(table, columns) else column_name("text_pair", table, columns, OTHER_NAMES)
    return {name: "make the model with pairs=True"}


def _is_qnli(table, columns):
    """Whether its pairs are a question and a sentence, and nothing else says what the texts are."""
    named = {part: columns.get(part, name) for part, name in _QNLI.items()}
    return named == _QNLI and set(_QNLI.values()) <= set(table.columns) and not set(_QNLI) & set(table.columns)


def labels_of(table: Table, problem: str, columns: Mapping[str, str], separator: str) -> tuple[str, ...]:
    """All label names in a table, sorted; numbers by value. Rows without a label have none."""
    cells, names = label_cells(table, problem, columns)
    if names:
        return names
    if problem == "multi_label":
        cells = lists_of_texts(cells)
        width = next((len(cell) for cell in cells if isinstance(cell, list)), 0)
        if width > 1 and is_matrix(cells, width):  # lists of one number each are numbers of labels
            return tuple(str(number) for number in range(width))
        _check_separator(cells, separator, table)
        rows = [
            [] if has_none(cell, problem) else several_names(cell, separator, table, i) for i, cell in enumerate(cells)
        ]
    else:
        cells = of_one(cells)
        rows = [[] if is_missing(cell) else [one_name(cell, table, i)] for i, cell in enumerate(cells)]
    found: set[str] = set().union(*rows)
    found -= stands_for_none(found, table.source)
    if not found:
        raise no_labels(table)
    ordered = sorted_names(found, table.source)
    if len(ordered) == 1 and problem == "single_label":
        raise _one_label(table, ordered[0], columns)
    return ordered


def balanced_weights(task: Classification, table: Table) -> tuple[float, ...]:
    """Weights that give each label the same sum over a table, with mean 1 over its rows."""
    columns = read(task, table.select(slice(None), quiet=True), labelled=True, training=True)
    return weights_of(task, columns["label"])


def weights_of(task: Classification, labels: np.ndarray) -> tuple[float, ...]:
    """`balanced_weights` of labels that were read: int [B] or 0/1 [B, L]."""
    counts = labels.sum(0) if task.problem == "multi_label" else np.bincount(labels, minlength=len(task.labels))
    if task.problem == "multi_label":  # a positive weighs as much as the negatives to it
        return tuple(float(value) for value in (len(labels) - counts) / np.maximum(counts, 1))
    return tuple(float(value) for value in len(labels) / (len(counts) * np.maximum(counts, 1)))


def read(task: Classification | RelationExtraction, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: text, text_pair (with pairs), and label: int [B], float [B, L] or [B].

    Rows without a label are left out. A label that the task does not know is an error in training; else it is UNKNOWN,
    or of several labels counted in a column `unknown_labels` int [B].
    """
    return of_rows(*read_rows(task, table, labelled=labelled, training=training))


def read_rows(
    task: Classification | RelationExtraction, table: Table, *, labelled: bool, training: bool
) -> tuple[dict[str, Any], list[int]]:
    """The columns of all rows, and the numbers of the rows that have a label, which `read` gives; the rest is noted."""
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    names = {part: column_name(part, table, task.columns, OTHER_NAMES) for part in task.text_inputs}
    if "text_pair" in names and _is_qnli(table, task.columns):
        names = _QNLI
    columns: dict[str, Any] = {part: table.text_column(name) for part, name in names.items()}
    if not labelled:
        return columns, list(range(len(table)))
    cells, _ = label_cells(table, task.problem, task.columns, task.labels if task.problem != "regression" else ())
    kinds = {"single_label": Single, "multi_label": Several, "regression": Regression}
    reading = kinds[task.problem](task, table, cells, training)
    reading.note()
    columns["label"] = reading.values
    if training and len(np.unique(reading.values[reading.kept], axis=0)) < 2:
        raise _one_label(table, cells[reading.kept[0]], task.columns)
    if task.problem == "multi_label" and reading.unknown:
        columns["unknown_labels"] = np.array([len(reading.unknown.get(i, ())) for i in range(len(table))], np.int32)
    return columns, reading.kept


def of_rows(columns: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    """The given rows of columns, which are lists or arrays.

    >>> of_rows({"text": ["a", "b"], "label": np.array([0, 1])}, [1])
    {'text': ['b'], 'label': array([1])}
    """
    return {
        name: values[rows] if isinstance(values, np.ndarray) else [values[i] for i in rows]
        for name, values in columns.items()
    }


def _check_separator(cells, separator, table):
    """Refuses labels that hold another separator than theirs, if it parts them into labels of other rows."""
    texts = {cell for cell in cells if isinstance(cell, str)}
    if any(separator in text for text in texts):
        return
    for other in "|;,\t":
        counts = collections.Counter(part.strip() for text in texts for part in text.split(other))
        for text in sorted(text for text in texts if other in text):
            if any(counts[part.strip()] > 1 for part in text.split(other)):
                raise DataError(
                    f"{table.source}: labels {text!r:.60} have no {separator!r} in them: are they parted by {other!r}? "
                    f"Give label_separator={other!r} (--config.settings.label_separator={other!r}), or {REMEDY}"
                )


def _one_label(table, value, columns):
    name = column_name("label", table, columns, OTHER_NAMES)
    return DataError(f"{table.source}: column {name!r} holds {value!r} in every row; nothing can be learned")
