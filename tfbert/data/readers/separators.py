"""Which character separates the fields of a CSV file: a comma, unless the file says or shows another."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from absl import logging

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
FIRST_LINES = 20  # which show it
_SAID = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)  # the first line, for Excel


def said_separator(line: str) -> str | None:
    r"""The separator that a first line `sep=;` names, which Excel reads and writes; None for another line.

    >>> said_separator("sep=;\r\n")
    ';'
    """
    match = _SAID.fullmatch(line)
    return match[1] if match else None


def separator_of(lines: Sequence[str], name: str, column_names: Sequence[str] = ()) -> str:
    r"""The separator of a file that begins with these lines.

    It is another than the comma only where the header line has no comma, and each of the lines has as many fields
    between the other as the header, two or more.

    >>> separator_of(["text;label\n", "fine, but long;good\n"], "reviews.csv")
    ';'
    """
    if not lines or len(_fields(lines[:1], ",")[0]) > 1:
        return ","
    widths = {separator: _width(lines, separator) for separator in NAMES if separator != ","}
    found = [
        separator
        for separator, width in widths.items()
        if width > 1 and (not column_names or width == len(column_names))
    ]
    if len(found) != 1:
        return ","
    logging.info("%s: its fields are between %s; its first line has no comma", name, NAMES[found[0]])
    return found[0]


def _fields(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=separator)) or [[]]
    except csv.Error:
        return [[]]


def _width(lines: Sequence[str], separator: str) -> int:
    """The number of fields of all rows, 0 where they differ or the first row cannot name as many columns."""
    rows = _fields(lines, separator)
    if len(lines) == FIRST_LINES and len(rows) > 1:
        rows.pop()  # its quotes may close in a later line
    widths = {len(row) for row in rows if row}
    names = [cell.strip() for cell in rows[0]]
    while names and not names[-1]:
        names.pop()
    if len(widths) != 1 or len(names) < 2 or not all(names) or len(set(names)) < len(names):
        return 0
    return widths.pop()
