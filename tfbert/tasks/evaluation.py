"""The results of an evaluation, row by row, for the report. N rows, L labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """A model's answers to one file: N rows, L labels.

    >>> Evaluation("single_label", ("no", "yes"), ["a film to treasure"], None, truth=np.array([1]),
    ...            scores=np.array([[0.1, 0.9]]), thresholds=None, token_lengths=np.array([6]),
    ...            metrics={"accuracy": 1.0}, data="dev.tsv")
    """

    problem: str  # "single_label", "multi_label" or "regression"
    labels: tuple[str, ...]  # () for regression
    texts: Sequence[str]
    text_pairs: Sequence[str] | None
    truth: np.ndarray  # int [N], where -1 is a label that the model does not know, 0/1 [N, L] or float [N]
    scores: np.ndarray  # probabilities [N, L], sigmoid probabilities [N, L] or predictions [N]
    thresholds: Any  # [L], multi_label only; None is 0.5
    token_lengths: np.ndarray  # int [N]
    metrics: dict[str, float]
    data: str  # the file's name
    unknown: np.ndarray | None = None  # int [N], multi_label only: labels of each row that the model does not know

    def __post_init__(self) -> None:
        rows, labels = len(self.texts), len(self.labels)
        if self.problem not in ("single_label", "multi_label", "regression"):
            raise ValueError(f"problem is {self.problem!r}; it is single_label, multi_label or regression")
        shape = (rows,) if self.problem == "regression" else (rows, labels)
        wanted = {"scores": shape, "truth": shape if self.problem == "multi_label" else (rows,)}
        wanted["token_lengths"] = (rows,)
        if self.thresholds is not None:
            wanted["thresholds"] = (labels,)
        if self.text_pairs is not None and len(self.text_pairs) != rows:
            raise ValueError(f"{rows:,} texts, but {len(self.text_pairs):,} text_pairs")
        for name, shape in wanted.items():
            array = np.asarray(getattr(self, name))
            if array.size == 0 == np.prod(shape):
                array = array.reshape(shape)  # [] for no rows
            if array.shape != shape:
                raise ValueError(f"{name} has the shape {array.shape}; {rows:,} texts and {labels} labels need {shape}")
            object.__setattr__(self, name, array)
        if self.problem == "single_label" and rows and not -1 <= self.truth.min() <= self.truth.max() < labels:
            raise ValueError(f"truth has a label's number outside 0..{labels - 1} that is not -1, an unknown label")


@dataclasses.dataclass(frozen=True)
class Answers:
    """A model's answers to one file, if they are texts: entities, spans, sentences. N rows.

    >>> Answers(["where is Rome"], truth=["Rome: place"], predicted=["Rome: place"], quality=[1.0], scores=[0.9],
    ...         token_lengths=[5], metrics={"f1": 1.0}, data="dev.tsv", by_label={"place": (1.0, 1.0, 1.0, 1)})
    """

    texts: Sequence[str]
    truth: Sequence[str]
    predicted: Sequence[str]
    quality: Any  # float [N], from 0 to 1, which is wholly right
    scores: Any  # float [N], how sure the model was
    token_lengths: np.ndarray  # int [N]
    metrics: dict[str, float]
    data: str  # the file's name
    by_label: dict[str, tuple[float, float, float, int]] | None = None  # precision, recall, F1, support

    def __post_init__(self) -> None:
        for name in ("truth", "predicted", "quality", "scores", "token_lengths"):
            values = getattr(self, name)
            if len(values) != len(self.texts):
                raise ValueError(f"{len(self.texts):,} texts, but {len(values):,} {name}")
            if name not in ("truth", "predicted"):
                object.__setattr__(self, name, np.asarray(values))

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.by_label or ())
