"""The example of a multiple choice: which columns it reads, and what a label may say."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.errors import DataError
from tfbert.tasks.columns import column_name

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
    """A checked table as columns: prompt, a list of texts; choices, of lists of them; and label int32 [B]."""
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    example = {
        "prompt": table.text_column(_prompt_column(table, task.columns)),
        "choices": _read_choices(table, task.columns, training),
    }
    if labelled:
        name = column_name("label", table, task.columns, _OTHER_NAMES)
        cells = zip(table.column(name), example["choices"], strict=True)
        labels = [_number(cell, row, task.first_label, table, i) for i, (cell, row) in enumerate(cells)]
        example["label"] = np.array(labels, np.int32)
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


def _read_choices(table, columns, training):
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
            raise DataError(f"{table.row_name(i)}: {what}, not {cell!r:.80}")
        if len(row) < 2:
            raise DataError(f"{table.row_name(i)}: {len(row)} choice{'' if len(row) else 's'}; a row needs at least 2")
        _check(row, table, i, training)
        rows.append(row)
    return rows


def _check(row, table, i, training):
    for number, choice in enumerate(row):
        if not choice.strip():
            raise DataError(f"{table.row_name(i)}: choice {number} of {len(row)} is empty; only the last ones may be")
        if training and choice in row[:number]:
            raise DataError(
                f"{table.row_name(i)}: choices {row.index(choice)} and {number} are both {choice!r:.80}; one of "
                f"them would be learned as wrong, so leave one out"
            )


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


def _number(cell, choices, first_label, table, i):
    """The number of the choice that a label names: by its number, its letter or its text."""
    found = {}
    if isinstance(cell, str):
        if cell in choices:
            found["text"] = choices.index(cell)
        word = cell.strip()
        if word.isascii() and word.removeprefix("-").isdecimal():
            found["number"] = int(word) - first_label
        elif len(word) == 1 and word.upper() in string.ascii_uppercase:
            found["letter"] = string.ascii_uppercase.index(word.upper())
    elif isinstance(cell, (int, np.integer)) and not isinstance(cell, bool):
        found["number"] = int(cell) - first_label
    found = {what: number for what, number in found.items() if 0 <= number < len(choices)}
    if not found:
        raise DataError(
            f"{table.row_name(i)}: the label {cell!r:.80} names none of the {len(choices)} choices; a label is a "
            f"number from {first_label}, a letter from A, or the exact text of a choice"
            + ("" if first_label else " (first_label=1 lets numbers begin at 1)")
        )
    if len(set(found.values())) > 1:
        other = "number" if "letter" in found else "letter"
        both = " and ".join(f"the {what} of choice {number}" for what, number in found.items())
        raise DataError(f"{table.row_name(i)}: the label {cell!r:.80} is {both}; give the {other} of the right one")
    return next(iter(found.values()))
