"""The metrics of multiple choice, and what its report draws. N rows, C the most choices of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfbert.tasks.evaluation import Answers


def metrics(examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
    """Accuracy, and the mean reciprocal of the right choice's rank among its row's choices, 1 being the best."""
    right_ranks = ranks(examples["label"], answers["logits"], [len(row) for row in examples["choices"]])
    return {"accuracy": float(np.mean(right_ranks == 1)), "mean_reciprocal_rank": float(np.mean(1 / right_ranks))}


def ranks(truth: np.ndarray, logits: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """The rank of each row's right choice, int [N]; of equal logits the earlier one is before.

    Args:
        truth: int [N].
        logits: float [N, C], of which each row has its first `counts` [N].
    """
    logits, truth = np.asarray(logits), np.asarray(truth)[:, None]
    place = np.arange(logits.shape[1])
    right = np.take_along_axis(logits, truth, axis=1)
    before = (logits > right) | ((logits == right) & (place < truth))
    return 1 + np.sum(before & (place < np.asarray(counts)[:, None]), axis=1)


def evaluation(
    examples: Mapping[str, Any], answers: dict[str, np.ndarray], *, token_lengths: np.ndarray, data: str
) -> Answers:
    """What the report draws: the right choice's text and the chosen one's."""
    rows = range(len(examples["prompt"]))
    chosen = answers["choice"]
    return Answers(
        texts=examples["prompt"],
        truth=[examples["choices"][i][examples["label"][i]] for i in rows],
        predicted=[examples["choices"][i][chosen[i]] for i in rows],
        quality=(chosen == examples["label"]).astype(np.float64),
        scores=answers["probabilities"].max(axis=1),
        token_lengths=token_lengths,
        metrics=metrics(examples, answers),
        data=data,
    )
