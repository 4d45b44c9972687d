"""What a label of a multiple choice may say: the right choice's number, its letter or its text."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.errors import DataError

if TYPE_CHECKING:
    from tfbert.data.table import Table

_MOST_DIGITS = 18  # of a number that may be a choice
_REMEDY = "first_label={} (--config.settings.first_label={}) says that numbers begin at {}"


def read_labels(
    table: Table, cells: Sequence, choices: Sequence[Sequence[str]], first_label: int | None, training: bool
) -> np.ndarray:
    """The number from 0 of the right choice of each row, int32 [B].

    Args:
        first_label: the number of the first choice; None where the file has to show that it is 0.
        training: whether a choice that is given twice may not be the answer by its text.

    Raises:
        DataError: without `first_label`, numbers beside letters, or numbers from 1 to the number of choices.
        RowError: a label that names none of its row's choices, or several.

    >>> read_labels(table, ["B", "blue"], [["sour", "blue"], ["blue", "sour"]], None, False)
    array([1, 0], dtype=int32)
    """
    if first_label is None:
        _check_begin(table, cells, choices)
    doubled, labels = [], np.zeros(len(cells), np.int32)
    for i, (cell, row) in enumerate(zip(cells, choices, strict=True)):
        labels[i], how = _number(table, i, cell, row, first_label or 0)
        if training and len(set(row)) < len(row):
            if how == "text" and row.count(row[labels[i]]) > 1:
                first, other = [number for number, choice in enumerate(row) if choice == row[labels[i]]][:2]
                message = (
                    f"choices {first} and {other} are both {row[first]!r:.80}, and so is the label; one of them would "
                    "be learned as wrong: leave one out, or give the number of the right one"
                )
                raise table.row_error(i, message, "an answer that is two choices")
            doubled.append(i)
    table.note("rows have a choice twice", doubled)
    return labels


def _check_begin(table, cells, choices):
    """Refuses numbers of which nothing tells whether they begin at 0 or at 1."""
    numbers = {}  # row -> number, of labels that are no choice's text
    letter = None
    for i, (cell, row) in enumerate(zip(cells, choices, strict=True)):
        found = _readings(cell, row, 0)
        if "number" in found and "text" not in found:
            numbers[i] = found["number"]
        elif "letter" in found and "text" not in found and letter is None:
            letter = i
    if not numbers or 0 in numbers.values():
        return
    row = next((i for i, number in numbers.items() if number == len(choices[i])), None)
    if letter is not None:
        row = next(iter(numbers))
        raise DataError(
            f"{table.row_name(row)}: the label {cells[row]!r} is a number, and {cells[letter]!r} of "
            f"{table.row_name(letter)} a letter; {_REMEDY.format(1, 1, 1)}, first_label=0 at 0"
        )
    if row is not None:
        raise DataError(
            f"{table.row_name(row)}: the label {cells[row]!r} names none of the {len(choices[row])} choices from 0, "
            f"and no label is 0; {_REMEDY.format(1, 1, 1)}"
        )


def _readings(cell: Any, choices: Sequence[str], first_label: int) -> dict[str, int]:
    """{what the label may be: the number that it gives}."""
    found = {}
    if isinstance(cell, str):
        if cell in choices:
            found["text"] = choices.index(cell)
        word = cell.strip()
        if word.isascii() and word.removeprefix("-").isdecimal() and len(word) <= _MOST_DIGITS:
            found["number"] = int(word) - first_label
        elif len(word) == 1 and word.upper() in string.ascii_uppercase:
            found["letter"] = string.ascii_uppercase.index(word.upper())
    elif isinstance(cell, (int, np.integer)) and not isinstance(cell, bool):
        found["number"] = int(cell) - first_label
    return found


def _number(table, i, cell, choices, first_label):
    """The number of the choice that a label names, and by what."""
    found = {
        what: number for what, number in _readings(cell, choices, first_label).items() if 0 <= number < len(choices)
    }
    if not found:
        message = (
            f"the label {cell!r:.80} names none of the {len(choices)} choices; a label is a number from {first_label}, "
            "a letter from A, or the exact text of a choice"
        )
        if not first_label:
            message += " (first_label=1 lets numbers begin at 1)"
        raise table.row_error(i, message, "a label that names no choice")
    if len(set(found.values())) > 1:
        other = "number" if "letter" in found else "letter"
        both = " and ".join(f"the {what} of choice {number}" for what, number in found.items())
        message = f"the label {cell!r:.80} is {both}; give the {other} of the right one"
        raise table.row_error(i, message, "a label that names two choices")
    how = "text" if set(found) == {"text"} else next(what for what in found if what != "text")
    return next(iter(found.values())), how
