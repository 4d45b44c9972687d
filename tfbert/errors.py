"""Errors that a user can act on. Commands print them as one line, without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

_LONGEST = 4000  # characters of a message


class TfbertError(ValueError):
    """Base of all errors below. Each says what is wrong, where, and what to do.

    A message may show what a file holds: the middle of a long one is left out, and half of a surrogate pair, which
    cannot be written, is shown as an escape.

    >>> len(str(TfbertError("x" * 1_000_000))) < 5000
    True
    """

    def __init__(self, message: object = "", *others: object) -> None:
        text = str(message).encode("utf-8", "backslashreplace").decode("utf-8")
        if len(text) > _LONGEST:
            left_out = len(text) - _LONGEST
            text = f"{text[: _LONGEST // 2]} … ({left_out:,} characters more) … {text[-_LONGEST // 2 :]}"
        super().__init__(text, *others)


class ConfigError(TfbertError):
    """An unknown, missing or contradictory setting."""


class DataError(TfbertError):
    """A fault in a data file: a row, column, label or encoding. Names the file and the row."""


class NoRowsError(DataError):
    """A data file without rows."""


class RowError(DataError):
    """A row that cannot be used, among others that can; `bad_rows="skip"` leaves it out.

    Attributes:
        row: its number in the table that was read; None for a row that never came into a table.
        kind: the fault as a short noun phrase, the same for all rows that have it, such as "an empty entity".
    """

    def __init__(self, message: str, kind: str, row: int | None = None) -> None:
        super().__init__(message)
        self.kind, self.row = kind, row


class CheckpointError(TfbertError):
    """A checkpoint that is missing, damaged or of another shape. Names the file or tensor."""


class VocabularyError(TfbertError):
    """A vocabulary that is missing, lacks a special token or does not fit the size of the embedding."""


class TrainingError(TfbertError):
    """A run that went wrong, such as a loss that became NaN. Names the last good checkpoint."""


class Preempted(KeyboardInterrupt):
    """SIGTERM ended a run, as on a preempted machine. The run is saved."""


class ServingError(TfbertError):
    """A model folder that cannot be served, or an address that cannot be bound."""


class ExportError(TfbertError):
    """An exported file whose answers differ from the model's, with both answers; or a model that cannot be exported."""


class DiskError(TfbertError):
    """Writing failed, such as for want of space or permission. What stood there before is untouched."""


def nearest(name: object, names: Iterable[str]) -> str | None:
    """The name most like `name`, letter case apart; None if none is near.

    >>> nearest("Lable", ["text", "label"])
    'label'
    """
    folded = {other.casefold(): other for other in names}
    found = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    return folded[found[0]] if found else None


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """The end of a message about an unknown name; "" if no known name is near.

    >>> did_you_mean("Lable", ["text", "label"])
    "; did you mean 'label'?"
    """
    found = nearest(name, names)
    return "" if found is None else f"; did you mean {found!r}?"


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
