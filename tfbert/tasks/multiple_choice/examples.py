"""The example of a multiple choice: which columns it reads, and what a label may say."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.data.readers.arc import has_lettered_choices, of_lettered_choices
from tfbert.errors import DataError
from tfbert.tasks.columns import column_name
from tfbert.tasks.multiple_choice.labels import read_labels

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.multiple_choice.task import MultipleChoiceTask

PARTS = ("prompt", "choices", "label")
# Published data sets' names for the same columns.
_OTHER_NAMES = {
    "prompt": ("question", "startphrase", "sent1", "ctx", "context", "passage", "article", "premise"),
    "choices": ("endings", "options", "answers"),
    "label": ("labels", "answer", "answerKey"),
}
_BEGINNINGS = ("choice", "ending", "option", "answer")  # of the names of columns with a choice each
_HELD_BY = {"sent1": "startphrase"}  # in SWAG, whose startphrase is sent1 and the beginning of the endings


def read(task: MultipleChoiceTask, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: prompt, a list of texts; choices, of lists of them; and label int32 [B].

    Raises:
        DataError: a missing column, or labels that may count from 0 or from 1.
        RowError: a row that cannot be used.
    """
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    if has_lettered_choices(table, task.columns):
        table = of_lettered_choices(table)
    example = {
        "prompt": table.text_column(_prompt_column(table, task.columns)),
        "choices": _read_choices(table, task.columns),
    }
    if labelled:
        name = column_name("label", table, task.columns, _OTHER_NAMES)
        example["label"] = read_labels(table, table.column(name), example["choices"], task.first_label, training)
    return example


def _prompt_column(table, columns):
    if "prompt" in columns or "prompt" in table.columns:
        return columns.get("prompt", "prompt")
    found = [name for name in _OTHER_NAMES["prompt"] if name in table.columns]
    found = [name for name in found if _HELD_BY.get(name) not in found]
    if len(found) > 1:
        raise DataError(
            f"{table.source}: {' and '.join(map(repr, found))} may each be the prompt; join them in a column "
            f"'prompt', or say which one it is with columns={{'prompt': …}}"
        )
    return found[0] if found else "prompt"


def _read_choices(table, columns):
    """The choices of each row, without what fills a row up."""
    lists, several = _choice_columns(table, columns)
    if several:
        # Rows of JSONL may lack the last ones; these are None.
        cells = zip(*(table.columns[name] for name in several), strict=True)
        what = f"columns {several[0]!r} to {several[-1]!r} must hold texts"
    else:
        cells, what = table.column(lists), f"column {lists!r} must hold a list of texts"
    rows = []
    for i, cell in enumerate(cells):
        row = cell.tolist() if isinstance(cell, np.ndarray) else cell
        row = list(row) if isinstance(row, (list, tuple)) else None
        while row and (row[-1] == "" or (several and row[-1] is None)):
            row.pop()
        if row is None or not all(isinstance(choice, str) for choice in row):
            raise table.row_error(i, f"{what}, not {cell!r:.80}", "choices that are no texts")
        if len(row) < 2:
            message = f"{len(row)} choice{'' if len(row) == 1 else 's'}; a row needs at least 2"
            raise table.row_error(i, message, "less than 2 choices")
        for number, choice in enumerate(row):
            if not choice.strip():
                message = f"choice {number} of {len(row)} is empty; only the last ones may be"
                raise table.row_error(i, message, "an empty choice")
        rows.append(row)
    return rows


def _choice_columns(table, columns):
    """(the column of lists, ()), or (None, the columns with a choice each)."""
    given = columns.get("choices")
    for name in (given,) if given else ("choices", *_OTHER_NAMES["choices"]):
        if name in table.columns:
            return name, ()
    for beginning in (given,) if given else _BEGINNINGS:
        several = _several(beginning, table)
        if len(several) > 1:
            return None, several
    if given:
        raise DataError(
            f"{table.source}: no column {given!r}, nor {given}0, {given}1, …; "
            f"the columns are {', '.join(map(repr, table.columns))}"
        )
    table.column("choices")  # raises


def _several(beginning, table):
    """The columns of choices whose names begin so: numbered from 0 or 1, or with letters."""
    for join in ("", "_"):
        for first in (0, 1):
            names = [f"{beginning}{join}{number}" for number in range(first, len(table.columns) + first)]
            if names[0] in table.columns:
                return _without_gap(names, table)
        names = [f"{beginning}{join}{letter}" for letter in string.ascii_uppercase]
        if names[0] in table.columns:
            return _without_gap(names, table)
    return []


def _without_gap(names, table):
    count = next((i for i, name in enumerate(names) if name not in table.columns), len(names))
    return names[:count]
