"""Texts and numbers for people, in the report and its figures."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]|[^\x00-\uffff]")


def printable(text: str) -> str:
    """`text` as a string that is valid in HTML, XML and UTF-8; control characters become visible."""
    text = text.replace("\r\n", "\n")
    return "".join(map(_printable_character, text)) if _UNSAFE.search(text) else text


def number(value: Any) -> str:
    """A number for people; of anything else its string.

    >>> [number(value) for value in (12345, 0.91317, 2e-5, float("nan"))]
    ['12,345', '0.9132', '2e-5', 'NaN']
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        return str(value)
    if isinstance(value, (int, np.integer)):
        text = f"{value:,}"
    elif not np.isfinite(value):
        text = "NaN" if np.isnan(value) else "∞" if value > 0 else "-∞"
    elif value == 0 or 1e-3 <= abs(value) < 1e3:
        text = f"{value:.4f}"
    else:
        text = f"{value:,.1f}" if 1e3 <= abs(value) < 1e7 else exponent(f"{value:.3g}")
    return text.replace("-", "−", 1) if text.startswith("-") else text


def shorten(text: str, width: int) -> str:
    """`text` on one line in at most `width` columns, of which a CJK character takes two.

    >>> shorten("a long label", 7)
    'a long…'
    """
    text = " ".join(printable(text).split())
    if columns(text) <= width:
        return text
    while columns(text) >= width:
        text = text[:-1]
    return text.rstrip() + "…"


def columns(text: str) -> int:
    """The columns that `text` takes in a fixed-width font."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def exponent(text: str) -> str:
    """The text of a number with e-5 for e-05.

    >>> exponent("2e-05")
    '2e-5'
    """
    return re.sub(r"e([+-])0*", lambda match: "e" + match[1].strip("+"), text)


def _printable_character(character):
    code = ord(character)
    if code < 0x20 and character not in "\t\n":
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    if 0x80 <= code < 0xA0 or 0xD800 <= code < 0xE000 or 0xFDD0 <= code < 0xFDF0 or code & 0xFFFE == 0xFFFE:
        return "\N{REPLACEMENT CHARACTER}"
    return character
