"""The metrics of a token classification: entities that are wholly right. N rows."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np

Entities = set[tuple[str, int, int]]  # (label, start, end) of a row


def truth_of(spans: Sequence[np.ndarray], labels: Sequence[str]) -> list[Entities]:
    """Rows of int [n, 3] spans -> a set of (label, start, end) for each row."""
    return [{(labels[label], start, end) for start, end, label in row.tolist()} for row in map(np.asarray, spans)]


def found_in(answers: dict[str, np.ndarray], words: bool) -> list[Entities]:
    """The answers of N rows -> a set of (label, start, end) for each row, in words or in characters."""
    starts, ends = (answers[f"word_{name}" if words else name] for name in ("start", "end"))
    return [
        {(label.decode(), int(start), int(end)) for label, start, end in zip(*row, strict=True) if label}
        for row in zip(answers["label"], starts, ends, strict=True)
    ]


def counts(truth: Sequence[Entities], found: Sequence[Entities]) -> dict[str, np.ndarray]:
    """{label: [right, found, true]} of rows of sets."""
    counted = collections.defaultdict(lambda: np.zeros(3, np.int64))
    for true, predicted in zip(truth, found, strict=True):
        for column, entities in enumerate((true & predicted, predicted, true)):
            for label, *_ in entities:
                counted[label][column] += 1
    return dict(counted)


def precision_recall_f1(right: int, found: int, true: int) -> tuple[float, float, float]:
    """Of counts; 0 where nothing is found or nothing is there, as seqeval's with zero_division=0.

    >>> precision_recall_f1(1, 2, 4)
    (0.5, 0.25, 0.3333333333333333)
    """
    right, found, true = int(right), int(found), int(true)
    return right / max(1, found), right / max(1, true), 2 * right / max(1, found + true)


def metrics(truth: Sequence[Entities], found: Sequence[Entities]) -> dict[str, float]:
    """f1, precision and recall over the entities of all labels together (micro), and macro_f1, the labels' mean."""
    counted = counts(truth, found)
    precision, recall, f1 = precision_recall_f1(*sum(counted.values(), np.zeros(3, np.int64)))
    of_labels = [precision_recall_f1(*values)[2] for values in counted.values()]
    macro = float(np.mean(of_labels)) if of_labels else 0.0
    return {"f1": f1, "precision": precision, "recall": recall, "macro_f1": macro}


def by_label(
    truth: Sequence[Entities], found: Sequence[Entities], labels: Sequence[str]
) -> dict[str, tuple[float, float, float, int]]:
    """{label: (precision, recall, F1, support)}, the labels in their order."""
    counted = counts(truth, found)
    values = {label: counted.get(label, np.zeros(3, np.int64)) for label in labels}
    return {label: (*precision_recall_f1(*value), int(value[2])) for label, value in values.items()}
