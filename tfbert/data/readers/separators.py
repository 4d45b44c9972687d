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

    It is another than the comma only where the first line, a header, has no comma, and each of the lines has as many
    fields between the other, two or more. With `column_names` it is one between which all lines have as many fields.

    >>> separator_of(["text;label\n", "fine, but long;good\n"], "reviews.csv")
    ';'
    """
    rows = {separator: _rows(lines, separator) for separator in NAMES}
    widths = {separator: {len(row) for row in rows[separator]} for separator in NAMES}
    if column_names:
        found = [separator for separator in NAMES if widths[separator] == {len(column_names)}]
    elif not lines or len(rows[","][0]) > 1:
        return ","
    else:
        found = [separator for separator in NAMES if len(widths[separator]) == 1 and _is_header(rows[separator][0])]
    if "," in found or len(found) != 1:
        return ","
    logging.info("%s: its fields are between %s; between commas they would be no columns", name, NAMES[found[0]])
    return found[0]


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The fields of rows that the lines have; the last may be cut, and then is none."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return [[]]
    return (rows[:-1] if len(lines) == FIRST_LINES and len(rows) > 1 else rows) or [[]]


def _is_header(cells: Sequence[str]) -> bool:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return len(names) > 1 and all(names) and len(set(names)) == len(names)
