"""The errors that a user can act on; launchers print them as one line, without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TfbertError(ValueError):
    """Base of all errors below: what was wrong, where, and what to do about it."""


class ConfigError(TfbertError):
    """An unknown, missing or contradictory setting."""


class DataError(TfbertError):
    """A row, column, label or encoding in a data file; names the file and the row."""


class NoRowsError(DataError):
    """A data file in which there is no row."""


class CheckpointError(TfbertError):
    """A checkpoint that is missing, truncated or of another shape; names the file or tensor."""


class VocabularyError(TfbertError):
    """A vocabulary that is missing, lacks a special token or has another size than the embedding."""


class TrainingError(TfbertError):
    """A run that has gone wrong, such as a loss that became NaN; says which checkpoint is the last good one."""


class Preempted(KeyboardInterrupt):
    """A run was asked to end by SIGTERM, as a preempted machine's are, and is saved."""


class ServingError(TfbertError):
    """A model folder that cannot be served, or an address that cannot be bound."""


class ExportError(TfbertError):
    """An exported file that does not answer as the model does, or that cannot be made of it; names both answers."""


class DiskError(TfbertError):
    """Writing failed (no space, no permission); what stood there before is untouched."""


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
