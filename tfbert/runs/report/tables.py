"""What the tables of the report show."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfbert.runs.report.page import Section, note

MISTAKES = 30  # rows shown


@dataclasses.dataclass(frozen=True)
class LabelScores:
    """How well a label was found; or all labels, on average."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    threshold: float | None = None


@dataclasses.dataclass(frozen=True)
class LabelTable:
    """The scores by label, and their averages as the table's foot."""

    labels: list[LabelScores]
    averages: list[LabelScores] = dataclasses.field(default_factory=list)
    thresholds: bool = False  # a column for them


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A row that the model answered wrongly."""

    row: int  # counted from 1
    texts: list[str]  # one, or a pair
    truth: Any
    predicted: Any
    values: list[float]  # how bad it is


def mistakes_section(rows: list[Mistake], lead: str, answers: str, measures: list[str]) -> Section:
    """The worst mistakes, after a sentence that says what comes first.

    Args:
        answers: what truth and prediction are: a "label", "labels" [(name, score)], "numbers" or "texts".
        measures: what each mistake's `values` are called.
    """
    if not rows:
        return note("Worst mistakes", "There are no mistakes.")
    return Section("Worst mistakes", "mistakes", {"lead": lead, "answers": answers, "measures": measures, "rows": rows})
