"""The example of a classification: which columns it reads, and what a label cell may hold.

Several labels of a text are a list or a text of names or numbers; a column whose every cell is a list of 0 and 1, one
for each label, is a 0/1 matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.errors import DataError
from tfbert.tasks.columns import column_name, has_column, unknown_label

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.classification.task import Classification
    from tfbert.tasks.relation_extraction.task import RelationExtraction

# GLUE's and Hugging Face's names for the same columns.
OTHER_NAMES = {
    "text": ("sentence", "sentence1", "premise", "question1", "text_a"),
    "text_pair": ("sentence2", "hypothesis", "question2", "text_b"),
    "label": ("labels",),
}
_QNLI = {"text": "question", "text_pair": "sentence"}  # a sentence without a question is a text of its own


def has_pairs(table: Table, columns: Mapping[str, str]) -> bool:
    """Whether the table has a second text."""
    return _is_qnli(table, columns) or has_column("text_pair", table, columns, OTHER_NAMES)


def _is_qnli(table, columns):
    """Whether its pairs are a question and a sentence, and nothing else says what the texts are."""
    named = {part: columns.get(part, name) for part, name in _QNLI.items()}
    return named == _QNLI and set(_QNLI.values()) <= set(table.columns) and not set(_QNLI) & set(table.columns)


def labels_of(table: Table, problem: str, columns: Mapping[str, str], separator: str) -> tuple[str, ...]:
    """All label names in a table, sorted; numbers by value."""
    cells = _cells(table, columns)
    if problem == "multi_label":
        width = len(cells[0]) if cells and isinstance(cells[0], list) else 0
        if width > 1 and _is_matrix(cells, width):  # lists of one number each are numbers of labels
            return tuple(str(number) for number in range(width))
        rows = [_names(cell, separator, table, i) for i, cell in enumerate(cells)]
    else:
        rows = [[_name(cell, table, i)] for i, cell in enumerate(cells)]
    names = set().union(*rows)
    if "" in names:
        row = next(i for i, row in enumerate(rows) if "" in row)
        raise DataError(f"{table.row_name(row)}: the label is empty")
    if len(names) == 1 and problem == "single_label":
        raise _one_label(table, names.pop(), columns)
    if all(name.isdecimal() for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def balanced_weights(task: Classification, table: Table) -> tuple[float, ...]:
    """Weights that give each label the same sum over a table, with mean 1 over its rows."""
    labels = read(task, table, labelled=True, training=True)["label"]
    counts = labels.sum(0) if task.problem == "multi_label" else np.bincount(labels, minlength=len(task.labels))
    if task.problem == "multi_label":  # a positive weighs as much as the negatives to it
        return tuple(float(value) for value in (len(labels) - counts) / np.maximum(counts, 1))
    return tuple(float(value) for value in len(labels) / (len(counts) * np.maximum(counts, 1)))


def read(task: Classification | RelationExtraction, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: text, text_pair (with pairs), and label: int [B], float [B, L] or [B]."""
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    names = {part: column_name(part, table, task.columns, OTHER_NAMES) for part in task.text_inputs}
    if "text_pair" in names and _is_qnli(table, task.columns):
        names = _QNLI
    columns = {part: table.text_column(name) for part, name in names.items()}
    if not labelled:
        return columns
    cells = _cells(table, task.columns)
    columns["label"] = {"single_label": _single, "multi_label": _multi, "regression": _number}[task.problem](
        task, table, cells
    )
    if training and len(np.unique(columns["label"], axis=0)) < 2:
        raise _one_label(table, cells[0], task.columns)
    return columns


def _cells(table, columns):
    cells = table.column(column_name("label", table, columns, OTHER_NAMES))
    return [list(cell) if isinstance(cell, tuple) else _plain(cell) for cell in cells]


def _plain(value):
    """Without numpy, whose rows are lists and whose numbers are numbers."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _is_matrix(cells, size):
    """Whether all cells are rows of 0 and 1, one for each label."""
    return all(
        isinstance(cell, list)
        and len(cell) == size
        and all(isinstance(value, (int, float, np.generic)) and value in (0, 1) for value in cell)
        for cell in cells
    )


def _one_label(table, value, columns):
    name = column_name("label", table, columns, OTHER_NAMES)
    return DataError(f"{table.source}: column {name!r} holds {value!r} in every row; nothing can be learned")


def _single(task, table, cells):
    index = _Index(task.labels)
    return np.array([index.of(_name(cell, table, i), table, i) for i, cell in enumerate(cells)], np.int32)


def _multi(task, table, cells):
    if _is_matrix(cells, len(task.labels)):
        return np.array(cells, np.float32)
    index, labels = _Index(task.labels), np.zeros((len(cells), len(task.labels)), np.float32)
    for i, cell in enumerate(cells):
        names = _names(cell, task.label_separator, table, i)
        for name in names:
            labels[i, index.of(name, table, i)] = 1.0
            if name.isdecimal() and names.count(name) > 1:
                raise DataError(
                    f"{table.row_name(i)}: labels {cell!r:.60} have {name} more than once; of a 0/1 matrix each cell "
                    f"is a list of 0 and 1, one for each of the {len(task.labels)} labels"
                )
    return labels


def _number(task, table, cells):
    numbers = np.zeros(len(cells), np.float32)
    for i, cell in enumerate(cells):
        try:
            numbers[i] = float(cell)
        except (TypeError, ValueError):
            raise DataError(f"{table.row_name(i)}: {cell!r} is not a number") from None
        if not math.isfinite(numbers[i]):
            raise DataError(f"{table.row_name(i)}: {cell!r} is not a finite number")
    return numbers


class _Index:
    """Label name -> number; a cell may also hold the number itself if no name looks like one."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.numbers = {name: i for i, name in enumerate(labels)}
        if not any(name.isdecimal() for name in labels):
            self.numbers.update({str(i): i for i in range(len(labels))})

    def of(self, name: str, table: Table, row: int) -> int:
        number = self.numbers.get(name, self.numbers.get(name.removesuffix(".0")))  # floats too hold class numbers
        if number is None:
            raise unknown_label(name, self.labels, table.row_name(row))
        return number


def _name(cell, table, row):
    cell = _plain(cell)
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, (int, float)) and math.isfinite(cell):
        return str(cell)
    hint = "; several labels of a text are classification with problem=multi_label" if isinstance(cell, list) else ""
    raise DataError(f"{table.row_name(row)}: a label is a text or a number, not {cell!r:.60}{hint}")


def _names(cell, separator, table, row):
    if isinstance(cell, list):
        return [_name(value, table, row) for value in cell]
    if isinstance(cell, (str, int)):
        return [name for name in (part.strip() for part in str(cell).split(separator)) if name]
    raise DataError(f"{table.row_name(row)}: labels must be a list or a text, not {cell!r:.60}")
