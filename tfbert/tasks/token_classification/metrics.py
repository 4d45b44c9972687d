"""The metrics of a token classification: entities that are wholly right. N rows."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.tasks.evaluation import Answers

if TYPE_CHECKING:
    from tfbert.tasks.token_classification.task import TokenClassification

Entities = set[tuple[str, int, int]]  # (label, start, end) of a row


def truth_of(spans: Sequence[np.ndarray], labels: Sequence[str]) -> list[Entities]:
    """Rows of int [n, 3] spans -> a set of (label, start, end) for each row; a label below 0 is unknown to the task."""

    def name(label):
        return labels[label] if label >= 0 else f"(unknown label {-label})"

    return [{(name(label), start, end) for start, end, label in row.tolist()} for row in map(np.asarray, spans)]


def found_in(answers: dict[str, np.ndarray], words: bool) -> list[Entities]:
    """The answers of N rows -> a set of (label, start, end) for each row, in words or in characters."""
    starts, ends = (answers[f"word_{name}" if words else name] for name in ("start", "end"))
    return [
        {(label.decode(), int(start), int(end)) for label, start, end in zip(*row, strict=True) if label}
        for row in zip(answers["label"], starts, ends, strict=True)
    ]


def counts(truth: Sequence[Entities], found: Sequence[Entities]) -> dict[str, np.ndarray]:
    """{label: [right, found, true]} of rows of sets."""
    counted: collections.defaultdict[str, np.ndarray] = collections.defaultdict(lambda: np.zeros(3, np.int64))
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
    """{label: (precision, recall, F1, support)}, the labels in their order, then those that the task does not have."""
    counted = counts(truth, found)
    unknown = sorted(counted.keys() - set(labels))
    values = {label: counted.get(label, np.zeros(3, np.int64)) for label in (*labels, *unknown)}
    return {label: (*precision_recall_f1(*value), int(value[2])) for label, value in values.items()}


def truth_and_found(
    task: TokenClassification, examples: Mapping[str, Any], answers: dict[str, np.ndarray]
) -> tuple[list[Entities], list[Entities]]:
    """The true entities of each row, and those that the model found."""
    return truth_of(examples["spans"], task.labels), found_in(answers, "words" in examples)


def evaluation(
    task: TokenClassification,
    examples: Mapping[str, Any],
    answers: dict[str, np.ndarray],
    *,
    token_lengths: np.ndarray,
    data: str,
) -> Answers:
    """What the report draws: the entities of each text, and the figures of each label."""
    as_words = "words" in examples
    units = examples["words"] if as_words else examples["text"]
    truth, found = truth_and_found(task, examples, answers)

    def named(row, spans):
        cut = [(start, label, units[row][start:end]) for label, start, end in spans]
        return "; ".join(f"{' '.join(part) if as_words else part}: {label}" for _, label, part in sorted(cut))

    def quality(true, predicted):
        counted = len(true & predicted), len(predicted), len(true)
        return precision_recall_f1(*counted)[2] if true or predicted else 1.0

    scores = answers["score"] * (answers["label"] != b"")
    return Answers(
        texts=[" ".join(words) for words in units] if as_words else units,
        truth=[named(row, spans) for row, spans in enumerate(truth)],
        predicted=[named(row, spans) for row, spans in enumerate(found)],
        quality=[quality(*sets) for sets in zip(truth, found, strict=True)],
        scores=[float(row.sum()) / max(1, len(spans)) for row, spans in zip(scores, found, strict=True)],
        token_lengths=token_lengths,
        metrics=metrics(truth, found),
        data=data,
        by_label=by_label(truth, found, task.labels),
    )
