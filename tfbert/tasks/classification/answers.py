"""The answers of a classification as plain Python. B batch, L labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def readable(problem: str, labels: Sequence[str], answer: dict[str, Any]) -> list[dict]:
    """The answer of a batch as arrays -> what `predict` returns: one dict an example.

    >>> readable("regression", (), {"score": np.array([0.5])})
    [{'score': 0.5}]
    """
    if problem == "regression":
        return [{"score": float(score)} for score in answer["score"]]
    rows = []
    for label, probabilities in zip(answer["label"], answer["probabilities"], strict=True):
        by_label = {name: float(p) for name, p in zip(labels, probabilities, strict=True)}
        if problem == "single_label":
            name = label.decode("utf-8")
            rows.append({"label": name, "score": by_label[name], "probabilities": by_label})
        else:
            names = [name.decode("utf-8") for name in label if name]
            rows.append({"labels": names, "scores": [by_label[n] for n in names], "probabilities": by_label})
    return rows
