"""The header line of a TSV or CSV file."""

from __future__ import annotations

from collections.abc import Sequence

from tfbert.data.missing_column import NAME_COLUMNS, is_value
from tfbert.errors import DataError


def header_names(cells: Sequence[str], name: str) -> list[str]:
    """The names of the columns. Empty cells at the end, as Excel writes them, name none.

    Raises:
        DataError: a cell without a name before one with a name, but for the first; a name twice; no name at all.

    >>> header_names(["v1", "v2", "", ""], "spam.csv")
    ['v1', 'v2']
    """
    if not any(cells):
        raise DataError(f"{name}, line 1: the header line is empty; {NAME_COLUMNS}")
    named = len(cells)
    while not cells[named - 1]:
        named -= 1
    names = list(cells[:named])
    hint = f"; the file seems to have no header line: {NAME_COLUMNS}" if any(map(is_value, filter(None, names))) else ""
    before: set[str] = set()
    for i, column in enumerate(names):
        if not column and i:  # the first may lack a name: pandas writes its index so
            raise DataError(f"{name}, line 1: column {i + 1} of the header has no name{hint}")
        if column in before:
            raise DataError(f"{name}, line 1: the header names {column!r} twice{hint}")
        before.add(column)
    return names
