"""Values inside of the objects of a column, by a dotted name such as `meta.text`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LACKING = object()  # a row has no such value
_MOST_LISTS = 20  # within each other; JSON may nest them as deep as Python calls functions


def values_at(name: str, columns: dict[str, list]) -> list | None:
    """The values of a dotted name; None if no column has objects with such a key. `LACKING` stands for a row's absence.

    The name's first part is a column; each other is a key of an object, or of each object in a list, which gives a list
    (`*` may stand for the list).

    >>> values_at("meta.text", {"meta": [{"text": "a film"}, {"text": "dull"}]})
    ['a film', 'dull']
    >>> values_at("choices.*.text", {"choices": [[{"text": "yes"}, {"text": "no"}]]})
    [['yes', 'no']]
    """
    parts = name.split(".")
    # The column's own name may have dots: the longest that there is.
    for size in range(len(parts) - 1, 0, -1):
        column = ".".join(parts[:size])
        if column in columns:
            values = [_at(value, [part for part in parts[size:] if part != "*"]) for value in columns[column]]
            return None if all(value is LACKING or value is None for value in values) else values
    return None


def _at(value: Any, keys: Sequence[str], depth: int = 0) -> Any:
    if depth > _MOST_LISTS:
        return LACKING
    for i, key in enumerate(keys):
        if isinstance(value, list):
            found = [_at(item, keys[i:], depth + 1) for item in value]
            return LACKING if LACKING in found else found
        if value is None:
            return None
        if not isinstance(value, dict) or key not in value:
            return LACKING
        value = value[key]
    return value
