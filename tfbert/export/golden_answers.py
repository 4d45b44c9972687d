"""Whether a file's answers are the golden ones, by numpy alone, for servers without TensorFlow too. B texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfbert.errors import ExportError

_LEAST_FLOAT16 = -65504  # what MASKED is in float16
_NONE = -1e8  # encoders/layers/masking.py: a number below it says that there is none
_FILL: dict[str, Any] = {"O": b"", "S": b"", "i": -1}  # what rows with less of a thing are filled up with


def check_answers(
    what: str,
    inputs: Mapping[str, np.ndarray],
    wanted: Mapping[str, np.ndarray],
    decided: Mapping[str, np.ndarray],
    allowed: Mapping[str, float],
    answers: Mapping[str, np.ndarray],
) -> None:
    """Raises ExportError, naming the row, where a file's answers {name: [B, …]} are not the `wanted` ones.

    Args:
        decided: {name of an answer that is no float: which rows must be equal, bool [B]}.
        allowed: {name of an answer that is a float: the largest difference}.
    """
    if answers.keys() != wanted.keys():
        raise ExportError(f"{what}: returns {sorted(answers)}, the model {sorted(wanted)}")
    everywhere = np.ones(len(next(iter(wanted.values()))), bool)
    for name, rows in decided.items():
        wrong = rows & ~equal_rows(wanted[name], answers[name])
        everywhere &= rows
        if wrong.any():
            row = int(wrong.argmax())
            given = {column: plain(values[row : row + 1])[0] for column, values in inputs.items()}
            raise ExportError(
                f"{what}: {name} of {given} is {plain(answers[name][row : row + 1])[0]!r}, the model's is "
                f"{plain(wanted[name][row : row + 1])[0]!r}"
            )
    for name, most in allowed.items():
        difference = largest_difference(wanted[name], answers[name], everywhere)
        # Not `>`: a NaN is no number within anything.
        if not difference <= most:
            raise ExportError(
                f"{what}: {name} differs from the model's by {difference:.2g}, more than the {most:.2g} that outputs "
                "within the tolerance of its precision lead to"
            )


def equal_rows(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether rows [B, …] are equal but for what they are filled up with: bool [B]."""
    one, other = _as_wide(one, other)
    return np.all((one == other).reshape(len(one), -1), axis=1)


def largest_difference(one: np.ndarray, other: np.ndarray, rows: np.ndarray) -> float:
    """Of the chosen rows (bool [B]) of two arrays of floats [B, …]; NaN where either has one.

    No difference is where both say that there is no number.
    """
    one, other = _as_wide(one, other)
    both_none = (one <= _NONE) & (other <= _LEAST_FLOAT16)
    return float(np.where(both_none, 0.0, np.abs(one - other))[rows].max(initial=0.0))


def _as_wide(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(one) != len(other):
        raise ExportError(f"answers to {len(other)} texts where {len(one)} were asked")
    return filled(one, other.shape), filled(other, one.shape)


def filled(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array [B, …] with rows at least as large as those of another shape.

    >>> filled(np.array([[1, 2]]), (1, 3)).tolist()
    [[1, 2, -1]]
    """
    missing = [max(size - own, 0) for own, size in zip(array.shape[1:], shape[1:], strict=True)]
    if not any(missing):
        return array
    fill = _FILL.get(array.dtype.kind, 0)
    return np.pad(array, [(0, 0), *((0, size) for size in missing)], constant_values=fill)


def plain(values: Any) -> Any:
    """An array as lists of JSON's own values; floats with the digits that float32 has."""
    if isinstance(values, (list, tuple)):
        return [plain(value) for value in values]
    if isinstance(values, np.ndarray):
        return plain(values.tolist())
    if isinstance(values, bytes):
        return values.decode("utf-8", "replace")
    return float(f"{values:.8g}") if isinstance(values, float) else values
