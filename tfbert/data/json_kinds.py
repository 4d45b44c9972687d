"""What a value is, in the words of JSON, for messages."""

from __future__ import annotations

from typing import Any


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON.

    >>> kind_of(None), kind_of(["a"])
    ('null', 'a list')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"a number ({value})"
    kinds: dict[type, str] = {str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), f"a {type(value).__name__}")
