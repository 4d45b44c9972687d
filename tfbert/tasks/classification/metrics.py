"""The metrics of a classification, by scikit-learn and scipy. B examples, L labels."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.special
import scipy.stats
import sklearn.metrics

from tfbert.tasks.evaluation import Evaluation

if TYPE_CHECKING:
    from tfbert.tasks.classification.task import Classification


def metrics(
    problem: str,
    truth: np.ndarray,
    logits: np.ndarray,
    thresholds: Sequence[float] = (),
    unknown: np.ndarray | None = None,
) -> dict[str, float]:
    """All metrics of a data set; the first is the one that a best checkpoint is chosen by.

    Args:
        truth: int [B], 0/1 [B, L] or float [B] by the problem. -1 is a label that the model does not know: no answer
            to it is right, and it is a class of its own in macro_f1, as in scikit-learn's scores of names.
        logits: float [B, L].
        thresholds: multi_label: [L], 0.5 where empty.
        unknown: multi_label: how many labels of each row the model does not know, int [B]; they are missed.

    Returns:
        dict of floats: accuracy, f1 (two labels: of the second), macro_f1, matthews; micro_f1, macro_f1,
        exact_match; or pearson, spearman, mean_squared_error. NaN where undefined.
    """
    truth, predicted = np.asarray(truth), scores(problem, logits)
    if problem == "regression":
        return _regression(truth, predicted)
    if problem == "multi_label":
        return _multi_label(truth, predicted, thresholds, unknown)
    return _single_label(truth, predicted)


def scores(problem: str, logits: np.ndarray) -> np.ndarray:
    """What the answers say of each label: probabilities [B, L], or the numbers [B] of a regression."""
    logits = np.asarray(logits, np.float64)
    if problem == "regression":
        return logits[:, 0]
    return scipy.special.expit(logits) if problem == "multi_label" else scipy.special.softmax(logits, axis=-1)


def logits_of(task: Classification, answers: dict[str, np.ndarray]) -> np.ndarray:
    """The logits [B, L] that answers hold; of a regression its numbers [B, 1]."""
    return answers["score"][:, None] if task.problem == "regression" else answers["logits"]


def evaluation(
    task: Classification,
    examples: Mapping[str, Any],
    answers: dict[str, np.ndarray],
    *,
    token_lengths: np.ndarray,
    data: str,
) -> Evaluation:
    """What the report draws: scores of each label."""
    return Evaluation(
        problem=task.problem,
        labels=task.labels,
        texts=examples["text"],
        text_pairs=examples.get("text_pair"),
        truth=examples["label"],
        scores=scores(task.problem, logits_of(task, answers)),
        thresholds=task.thresholds or None,
        unknown=examples.get("unknown_labels"),
        token_lengths=token_lengths,
        metrics=task.metrics(examples, answers),
        data=data,
    )


def _single_label(truth, probabilities):
    predicted = probabilities.argmax(-1)
    values = {"accuracy": sklearn.metrics.accuracy_score(truth, predicted)}
    if probabilities.shape[1] == 2:
        values["f1"] = sklearn.metrics.f1_score(truth == 1, predicted == 1, zero_division=0)
    values["macro_f1"] = sklearn.metrics.f1_score(truth, predicted, average="macro", zero_division=0)
    with warnings.catch_warnings():  # it warns where all examples have one label; the figure is 0 then
        warnings.simplefilter("ignore")
        values["matthews"] = sklearn.metrics.matthews_corrcoef(truth, predicted)
    return _floats(values)


def _multi_label(truth, probabilities, thresholds, unknown):
    given = probabilities >= np.asarray(thresholds if len(thresholds) else 0.5)
    truth = truth.astype(bool)
    missed = int(unknown.sum()) if unknown is not None else 0
    if missed:
        micro = 2 * (truth & given).sum() / (truth.sum() + given.sum() + missed)
        wanted, answered = np.column_stack([truth, unknown > 0]), np.pad(given, [(0, 0), (0, 1)])
        macro = sklearn.metrics.f1_score(wanted, answered, average="macro", zero_division=0)
        exact = np.mean((truth == given).all(-1) & (unknown == 0))
        return _floats({"macro_f1": macro, "micro_f1": micro, "exact_match": exact})
    values = {}
    for kind in ("macro", "micro"):
        # One column is a binary problem to scikit-learn, whose averages would count its negatives as a label.
        average = kind if truth.shape[1] > 1 else "binary"
        values[f"{kind}_f1"] = sklearn.metrics.f1_score(truth, given, average=average, zero_division=0)
    return _floats({**values, "exact_match": np.mean((truth == given).all(-1))})


def _regression(truth, predicted):
    with warnings.catch_warnings():  # both correlations are NaN, with a warning, for a constant
        warnings.simplefilter("ignore")
        several = len(truth) > 1
        return _floats(
            {
                "pearson": scipy.stats.pearsonr(truth, predicted)[0] if several else np.nan,
                "spearman": scipy.stats.spearmanr(truth, predicted)[0] if several else np.nan,
                "mean_squared_error": np.mean(np.square(truth - predicted)),
            }
        )


def best_thresholds(truth: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """For each label the probability threshold of its best F1; 0.5 for a label that never occurs. [L]"""
    probabilities = scipy.special.expit(np.asarray(logits, np.float64))
    chosen = np.full(probabilities.shape[1], 0.5)
    for label in range(probabilities.shape[1]):
        if not truth[:, label].any():
            continue
        precision, recall, thresholds = sklearn.metrics.precision_recall_curve(truth[:, label], probabilities[:, label])
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        best = int(f1[:-1].argmax())
        # Half way to the next lower probability: the same decisions here, no tie with a rounded one later.
        below = thresholds[best - 1] if best else 0.0
        chosen[label] = (thresholds[best] + below) / 2
    return chosen


def _floats(values):
    return {name: float(value) for name, value in values.items()}
