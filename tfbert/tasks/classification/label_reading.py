"""The label cells of a table as numbers: one label, several, or a number; and the rows that have none.

Shapes: B rows of the table, L labels.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tfbert.errors import DataError, RowError, nearest
from tfbert.tasks.classification.label_lists import is_matrix, listed, lists_of_texts, names_of, of_one
from tfbert.tasks.classification.labels import (
    NO_LABEL,
    REMEDY,
    Numbers,
    is_missing,
    name_of,
    whole,
)
from tfbert.tasks.columns import unknown_label

if TYPE_CHECKING:
    from tfbert.data.table import Table

UNKNOWN = -1  # the number of a label that the task does not know


class Reading:
    """The labels of a table's rows.

    Attributes:
        values: the labels as numbers, of all rows.
        kept: the rows that have a label.
        unknown: row -> names that are none of the task's; in training the first one is an error.
    """

    def __init__(self, task: Any, table: Table, cells: list, training: bool) -> None:
        self.task, self.table, self.training = task, table, training
        self.kept: list[int] = []
        self.unknown: dict[int, list[str]] = {}
        self.numbers = Numbers(getattr(task, "labels", ()))
        self.values = self.read(cells)

    def read(self, cells: list) -> np.ndarray:
        """The values of all cells; adds to `kept` and `unknown`."""
        raise NotImplementedError

    def number(self, name: str, i: int) -> int:
        """The label's number; UNKNOWN for one that training does not need."""
        number = self.numbers.get(name)
        if number is not None:
            return number
        if not name:
            raise self.table.row_error(i, "the label is empty", "an empty label")
        if self.training or self.numbers.is_out_of_range(name):
            raise self._error(name, i)
        self.unknown.setdefault(i, []).append(name)
        return UNKNOWN

    def says_none(self, name: str) -> bool:
        """Whether a name stands for no label, as the task has no label of this name."""
        return whole(name) in NO_LABEL and self.numbers.get(name) is None

    def _error(self, name, i):
        error = unknown_label(name, self.task.labels, self.table.row_name(i))
        if self.numbers.is_out_of_range(name):  # of numbers that begin at 1 the others are wrong too
            return DataError(f"{error}; the number of a label counts from 0; {REMEDY}")
        return RowError(f"{error}; {REMEDY}", "an unknown label", i)

    def note(self) -> None:
        """Says which rows have no label, and which have unknown ones; refuses a table without any label."""
        if not self.kept:
            raise no_labels(self.table)
        if self.unknown and not any(self.knows(i) for i in self.kept):
            row = min(self.unknown)
            raise DataError(f"{self._error(self.unknown[row][0], row)}; no label of the file is known")
        left_out = sorted(set(range(len(self.table))) - set(self.kept))
        self.table.note("rows have no label and are left out", left_out)
        if self.unknown:
            name = self.unknown[min(self.unknown)][0]
            near = nearest(name, self.task.labels)
            such = repr(name) if near is None else f"{name!r} (for {near!r}?)"
            what = f"rows have a label that the model does not know, such as {such}, and count as wrong answers"
            self.table.note(what, sorted(self.unknown))

    def knows(self, i: int) -> bool:
        """Whether the model may answer row `i` right, at least in part."""
        return i not in self.unknown


class Single(Reading):
    """One label a row: int32 [B]."""

    def read(self, cells: list) -> np.ndarray:
        cells = self._of_one_hot(of_one(cells))
        values = np.full(len(cells), UNKNOWN, np.int32)
        names: list[str | None] = []
        for i, cell in enumerate(cells):
            name = None if is_missing(cell) else one_name(cell, self.table, i, self.task.labels)
            names.append(None if name is not None and self.says_none(name) else name)
        self._check_scale(names, cells)
        for i, name in enumerate(names):
            if name is not None:
                values[i] = self.number(name, i)
                self.kept.append(i)
        return values

    def _of_one_hot(self, cells):
        """Class numbers for rows of 0 with one 1."""
        size = len(self.task.labels)
        if size > 1 and is_matrix(cells, size) and all(cell is None or sum(cell) == 1 for cell in cells):
            if any(cells):
                logging.info("%s: the labels are rows of 0 with one 1, one-hot", self.table.source)
            return [None if cell is None else cell.index(1) for cell in cells]
        return cells

    def _check_scale(self, names, cells):
        """Refuses numbers from -1 of as many labels: which of them -1 stands for, or none, nothing tells."""
        if not self.numbers.by_number:
            return
        values = {whole(name) for name in names if name is not None}
        minus = any(not is_missing(cell) and whole(name_of(cell) or "") == "-1" for cell in cells)
        if minus and values == {str(i) for i in range(len(self.task.labels) - 1)} and len(values) == 2:
            raise DataError(
                f"{self.table.source}: the labels -1, 0 and 1 may be the numbers of {', '.join(self.task.labels)}, or "
                "-1 a row without a label; write the labels' names into the file, or leave out the rows of -1"
            )


class Several(Reading):
    """Any number of labels a row: 0 or 1, float32 [B, L]."""

    def read(self, cells: list) -> np.ndarray:
        cells, size = lists_of_texts(cells), len(self.task.labels)
        values = np.zeros((len(cells), size), np.float32)
        if is_matrix(cells, size) and any(cell is not None for cell in cells):
            for i, cell in enumerate(cells):
                if cell is not None and set(cell) != {-1}:
                    values[i] = cell
                    self.kept.append(i)
            return values
        for i, cell in enumerate(cells):
            if has_none(cell, "multi_label"):
                continue
            names = several_names(cell, self.task.label_separator, self.table, i, self.task.labels)
            if len(names) == 1 and self.says_none(names[0]):
                continue
            self.kept.append(i)
            for name in names:
                number = self.number(name, i)
                if number != UNKNOWN:
                    values[i, number] = 1.0
                if name.isdecimal() and names.count(name) > 1:
                    raise self.table.row_error(
                        i,
                        f"labels {cell!r:.60} have {name} more than once; of a 0/1 matrix each cell "
                        f"is a list of 0 and 1, one for each of the {size} labels",
                        "a label more than once",
                    )
        return values

    def knows(self, i: int) -> bool:
        return i not in self.unknown or self.values[i].any()


class Regression(Reading):
    """A number a row: float32 [B]."""

    def read(self, cells: list) -> np.ndarray:
        numbers, cells = np.zeros(len(cells), np.float32), of_one(cells)
        for i, cell in enumerate(cells):
            if is_missing(cell) and cell not in ("nan", "NaN") or isinstance(cell, str) and cell.strip() == "-":
                continue
            try:
                numbers[i] = float(cell)
            except (TypeError, ValueError):
                raise self.table.row_error(i, f"{cell!r} is not a number", "no number") from None
            if not math.isfinite(numbers[i]):
                raise self.table.row_error(i, f"{cell!r} is not a finite number", "no finite number")
            self.kept.append(i)
        if self.kept and not self.training and (numbers[self.kept] == -1).all() and len(self.kept) > 1:
            self.kept = []  # as GLUE's test sets have it
        return numbers


def has_none(cell: Any, problem: str) -> bool:
    """Whether a cell has no label for certain; a text without labels has none of several, and is a row."""
    if problem == "multi_label" and isinstance(cell, str):
        return bool(cell.strip()) and is_missing(cell)
    return is_missing(cell)


def no_labels(table: Table) -> DataError:
    """The error for a table without any label."""
    return DataError(f"{table.source}: no row has a label; texts alone can be predicted, not trained or evaluated on")


def one_name(cell: Any, table: Table, row: int, labels: Collection[str] = ()) -> str:
    """The name of one label; RowError for a cell that holds none, such as a list that is none of the `labels`."""
    name = name_of(cell)
    is_list = isinstance(cell, list) or isinstance(cell, str) and name not in labels and listed(cell) is not None
    if name is not None and not is_list:
        return name
    hint = "; several labels of a text are classification with problem=multi_label" if is_list else ""
    message = f"a label is a text or a number, not {cell!r:.60}{hint}"
    raise table.row_error(row, message, "a label that is no text or number")


def several_names(cell: Any, separator: str, table: Table, row: int, labels: Collection[str] = ()) -> list[str]:
    """The names of several labels; RowError for a cell that holds anything else."""
    names = names_of(cell, separator, labels)
    if names is None and isinstance(cell, list):
        for value in cell:
            one_name(value, table, row)
    if names is None:
        raise table.row_error(row, f"labels must be a list or a text, not {cell!r:.60}", "no list of labels")
    if "" in names:
        raise table.row_error(row, "the label is empty", "an empty label")
    return names
