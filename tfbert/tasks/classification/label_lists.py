"""Several labels in one cell: a list, a list that is written as a text, or names between separators.

pandas writes lists as "['x', 'y']" and NumPy's arrays as "['x' 'y']".
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection
from typing import Any

from tfbert.tasks.classification.labels import name_of

# A list as Python, NumPy or JSON writes it: quoted texts or numbers, between commas, spaces or both.
_ITEM = re.compile(r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?:[+-]?\d+(?:\.\d*)?|True|False)(?=[\s,\]]))""", re.S)
_BETWEEN = re.compile(r"\s*,\s*|\s+|(?=\])")
_BRACKETS = ("[]", "()", "{}")


def listed(text: str) -> list | None:
    """The values of a list, tuple or set that is written as a text; None of a text that is none.

    >>> listed("['x', 'y']"), listed('["x"]'), listed("['x' 'y']"), listed("[0. 1.]"), listed("[]"), listed("[x]")
    (['x', 'y'], ['x'], ['x', 'y'], [0.0, 1.0], [], None)
    """
    text = text.strip()
    if text[:1] + text[-1:] not in _BRACKETS or len(text) < 2:
        return None
    if text[0] == "[":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    values, place, inside = [], 1, text[:-1].rstrip() + "]"
    place += len(inside[1:]) - len(inside[1:].lstrip())
    while place < len(inside) - 1:  # ast reads no list of NumPy's: to Python 'x' 'y' is 'xy'
        item = _ITEM.match(inside, place)
        between = item and _BETWEEN.match(inside, item.end())
        if not item or not between:
            return None
        try:
            values.append(ast.literal_eval(item[0]))
        except (ValueError, SyntaxError):
            return None
        place = between.end()
    return values if text[0] == "[" or any(isinstance(value, str) for value in values) else None


def names_of(cell: Any, separator: str, known: Collection[str] = ()) -> list[str] | None:
    """The names of several labels: of a list, a list as a text, or names between `separator`; None for no labels' cell.

    Args:
        known: names that may look like a list, such as "[noise]".

    >>> names_of("['x', 'y']", ","), names_of("x,y", ","), names_of([1.0], ","), names_of("", ",")
    (['x', 'y'], ['x', 'y'], ['1'], [])
    """
    if isinstance(cell, str):
        values = listed(cell)
        parts = [part for part in (part.strip() for part in cell.split(separator)) if part]
        if values is None or parts and set(parts) <= set(known):
            unreadable = cell.strip()[:1] == "[" and cell.strip()[-1:] == "]" and not set(parts) <= set(known)
            return None if unreadable else parts
        cell = values
    if not isinstance(cell, list):
        name = name_of(cell)
        return None if name is None else [name]
    names = [name_of(value) for value in cell]
    return None if None in names else names


def of_one(cells: list) -> list:
    """The values of a column of lists of one value, as arrays [n, 1] are."""
    lists = [cell for cell in cells if cell is not None]
    if lists and all(isinstance(cell, list) and len(cell) == 1 for cell in lists):
        return [cell and cell[0] for cell in cells]
    return cells


def lists_of_texts(cells: list) -> list:
    """Lists of numbers that are written as texts as lists, so that a matrix of 0 and 1 is seen."""
    found = [listed(cell) if isinstance(cell, str) else cell for cell in cells]
    are_numbers = all(
        was is None or isinstance(cell, list) and not any(isinstance(value, str) for value in cell)
        for was, cell in zip(cells, found, strict=True)
    )
    return found if are_numbers else cells


def is_matrix(cells: list, size: int) -> bool:
    """Whether all cells are rows of 0 and 1, one for each label; None and rows of -1 have no labels."""
    return all(
        cell is None
        or isinstance(cell, list)
        and len(cell) == size
        and all(isinstance(value, (int, float)) for value in cell)
        and (all(value in (0, 1) for value in cell) or set(cell) == {-1} and size > 1)
        for cell in cells
    )
