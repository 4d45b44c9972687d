"""What the name of a label says: a number, a text, or that the row has no label.

Numbers are numbers: 1, 1.0, "1" and "1.0" are one label, "1". Sources: pandas writes whole numbers of a column with a
gap as 1.0; SNLI has "-" where its annotators disagree; the Hugging Face hub and TensorFlow Datasets have -1 in rows
without a label.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from tfbert.errors import DataError

NO_LABEL = ("-", "-1")  # what may stand for no label, or be a label
_NEVER_A_LABEL = frozenset(("", "nan", "NaN", "<NA>"))  # as pandas writes a missing value
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_WHOLE = re.compile(r"\+?(-?\d+)(\.0)?")
REMEDY = "name the labels: labels=[...] in Python, --config.settings.labels=... on the command line"


def plain(value: Any) -> Any:
    """A cell without NumPy, whose rows are lists and whose numbers are numbers; a tuple is a list."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def names_of_labels(labels: Any) -> Any:
    """Labels as a setting has them: numbers become their names; what is no list is left to the checker of settings.

    >>> names_of_labels([0, 1.0, "two"])
    ('0', '1', 'two')
    """
    if not isinstance(labels, (list, tuple, np.ndarray, range)):
        return labels
    values = [plain(label) for label in labels]
    names = [name_of(value) if isinstance(value, (int, float)) else value for value in values]
    return tuple(value if name is None else name for name, value in zip(names, values, strict=True))


def is_missing(cell: Any) -> bool:
    """Whether a cell has no label for certain: None, NaN, or no text.

    >>> is_missing(float("nan")), is_missing(" "), is_missing("-")
    (True, True, False)
    """
    if isinstance(cell, str):
        return cell.strip() in _NEVER_A_LABEL
    return cell is None or isinstance(cell, float) and math.isnan(cell)


def name_of(cell: Any) -> str | None:
    """The name of one label as a text; None for what is no label, such as a list.

    >>> name_of(1.0), name_of(" 1.0"), name_of(0.5), name_of(True), name_of(["x"])
    ('1', '1.0', '0.5', 'True', None)
    """
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, (int, float)) and math.isfinite(cell):
        return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
    return None


def whole(name: str) -> str:
    """A whole number in its shortest form, any other name as it is.

    >>> whole("1.0"), whole("+1"), whole("1.50"), whole("one")
    ('1', '1', '1.50', 'one')
    """
    match = _WHOLE.fullmatch(name)
    return match[1] if match else name


def sorted_names(names: Collection[str], where: str) -> tuple[str, ...]:
    """Names of labels in their order: texts by letter, numbers by value and each once, however it is written.

    Raises:
        DataError: names that are one number, among others that are no whole numbers; true in several spellings.

    >>> sorted_names(["10", "9", "9.0"], "train.tsv"), sorted_names(["10", "b"], "train.tsv")
    (('9', '10'), ('10', 'b'))
    """
    truth = {name for name in names if name.casefold() in ("true", "false")}
    if truth and (len({name.casefold() for name in truth}) < len(truth) or {"0", "1"} & set(names)):
        raise DataError(f"{where}: labels {', '.join(sorted(names)[:5])} write true or false in several ways; {REMEDY}")
    if not all(_NUMBER.fullmatch(name) for name in names):
        return tuple(sorted(names))
    if all(_WHOLE.fullmatch(name) for name in names):
        names = {name if name.startswith("+") and whole(name) not in names else whole(name) for name in names}
    else:
        by_value: dict[str, str] = {}
        for name in sorted(names):
            other = by_value.setdefault(whole(name), name)
            if other != name:
                raise DataError(f"{where}: the labels {other!r} and {name!r} are one number; {REMEDY}")
    return tuple(sorted(names, key=lambda name: (float(name), name)))


def stands_for_none(names: Collection[str], where: str) -> set[str]:
    """Which of the names of a file, whose labels nobody gave, stand for no label: "-" and -1, if the others tell.

    "-" is a label beside "+" and other signs. -1 is one beside numbers below it, and beside 1 alone; it is none
    beside 0, 1, 2, …, and beside texts.

    Raises:
        DataError: the others do not tell: -1 beside 0 and 1 may be a label of three, or a row without one of two.

    >>> stands_for_none({"-", "entailment", "neutral"}, "snli.jsonl"), stands_for_none({"-1", "1"}, "train.tsv")
    ({'-'}, set())
    """
    others = {name for name in names if whole(name) not in NO_LABEL}
    if not others:
        return set(names)
    found = set()
    if "-" in names and all(any(c.isalnum() for c in name) for name in others) and not _signed(others):
        if len(others) < 2:
            raise _ambiguous("-", others, where)
        found.add("-")
    minus = {name for name in names if whole(name) == "-1"}
    if minus:
        values = {float(name) for name in others if _NUMBER.fullmatch(name)}
        texts = not all(_NUMBER.fullmatch(name) for name in others)
        counted = values == set(range(len(values))) and len(values) > 2  # from 0 on
        if counted and not texts or texts and not values and len(others) > 1:
            found |= minus
        elif texts or not (values == {1.0} or any(value < -1 for value in values)):
            raise _ambiguous("-1", others, where)
    return found


class Numbers:
    """Name -> number of a label. A number is found however it is written, and true as True or 1.

    A cell may also hold the number of a label whose name is a text, if no name is a number.

    >>> Numbers(["0", "1"]).get("1.0"), Numbers(["no", "yes"]).get("1"), Numbers(["no", "yes"]).get("maybe")
    (1, 1, None)
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.numbers = {name: i for i, name in enumerate(labels)}
        self.by_number = not any(_NUMBER.fullmatch(name) for name in labels)
        values = [whole(name) for name in labels]
        self._others = {name: i for i, name in enumerate(values) if values.count(name) == 1}
        if self.by_number:
            self._others.update({str(i): i for i in range(len(labels))})
        folded = [name.casefold() for name in labels]
        self._truth = {}
        for value, number in (("true", "1"), ("false", "0")):
            i = folded.index(value) if folded.count(value) == 1 else self.numbers.get(number)
            if i is not None:
                self._truth[value] = i

    def get(self, name: str) -> int | None:
        if name in self.numbers:
            return self.numbers[name]
        found = self._others.get(whole(name))
        return self._truth.get(name.casefold()) if found is None else found

    def is_out_of_range(self, name: str) -> bool:
        """Whether a name is a number, where numbers of labels are read, that no label has."""
        return self.by_number and self.get(name) is None and _WHOLE.fullmatch(name) is not None


def _signed(names: Collection[str]) -> bool:
    return any(name.startswith("+") for name in names)


def _ambiguous(sign: str, others: Collection[str], where: str) -> DataError:
    beside = ", ".join(sorted(others)[:5]) + (", …" if len(others) > 5 else "")
    return DataError(f"{where}: {sign!r} may be a label beside {beside}, or say that a row has none; {REMEDY}")
