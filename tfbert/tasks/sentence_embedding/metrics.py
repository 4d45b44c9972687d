"""The metrics of sentence embeddings, and what the report draws. N examples, P different pairs, D dimensions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.stats

from tfbert.tasks.evaluation import Answers, Evaluation

if TYPE_CHECKING:
    from tfbert.tasks.sentence_embedding.task import SentenceEmbedding

_TEXTS_AT_ONCE = 1024  # bounds the similarities held while pairs are ranked


def metrics(examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
    """All metrics of a data set; the first is the one that a best checkpoint is chosen by.

    Args:
        examples: text and text_pair [N]; with score [N] or negative [N] where the data have them.
        answers: arrays of `SentenceEmbedding.answer`.

    Returns:
        dict of floats: spearman, pearson of the cosine and the score; triplet_accuracy; or, where each text looks for
        its pair among all of them, recall_at_1, recall_at_10 and mean_reciprocal_rank. NaN where undefined.
    """
    if "negative" in examples:
        return {"triplet_accuracy": float(np.mean(answers["similarity"] > answers["similarity_negative"]))}
    if "score" not in examples:
        ranks, *_ = ranking(examples, answers)
        return {
            "recall_at_1": float(np.mean(ranks <= 1)),
            "recall_at_10": float(np.mean(ranks <= 10)),
            "mean_reciprocal_rank": float(np.mean(1 / ranks)),
        }
    truth, predicted = np.asarray(examples["score"], np.float64), np.asarray(answers["similarity"], np.float64)
    with warnings.catch_warnings():  # both correlations are NaN, with a warning, for a constant
        warnings.simplefilter("ignore")
        several = len(truth) > 1
        return {
            "spearman": float(scipy.stats.spearmanr(truth, predicted)[0]) if several else np.nan,
            "pearson": float(scipy.stats.pearsonr(truth, predicted)[0]) if several else np.nan,
        }


def ranking(examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each text the rank of its pair among all different pairs, by cosine.

    Other pairs of the same text are right as well and do not count. Pairs that are as near count as before it, so
    that equal embeddings of everything are no success.

    Returns:
        ranks int [N], the row of the nearest pair int [N], and its cosine float [N].
    """
    texts, pairs = _unit(answers["embedding"]), _unit(answers["embedding_pair"])
    numbers: dict[str, int] = {}
    pair_of, first_rows = [], []
    for row, pair in enumerate(examples["text_pair"]):
        if pair not in numbers:
            numbers[pair] = len(numbers)
            first_rows.append(row)
        pair_of.append(numbers[pair])
    right: dict[str, set[int]] = {}  # text -> all its pairs
    for text, pair in zip(examples["text"], pair_of, strict=True):
        right.setdefault(text, set()).add(pair)
    pairs, first_rows = pairs[first_rows], np.array(first_rows)
    ranks, nearest, cosines = [], [], []
    for begin in range(0, len(texts), _TEXTS_AT_ONCE):
        scores = texts[begin : begin + _TEXTS_AT_ONCE] @ pairs.T  # [<= _TEXTS_AT_ONCE, P]
        best = scores.argmax(1)
        nearest.append(first_rows[best])
        cosines.append(scores[np.arange(len(scores)), best])
        own = np.array(pair_of[begin : begin + _TEXTS_AT_ONCE])
        own = scores[np.arange(len(scores)), own]
        for row, text in enumerate(examples["text"][begin : begin + _TEXTS_AT_ONCE]):
            scores[row, list(right[text])] = -np.inf
        ranks.append(1 + (scores >= own[:, None]).sum(1))
    return np.concatenate(ranks), np.concatenate(nearest), np.concatenate(cosines)


def evaluation(
    task: SentenceEmbedding,
    examples: Mapping[str, Any],
    answers: dict[str, np.ndarray],
    *,
    token_lengths: np.ndarray,
    data: str,
) -> Answers | Evaluation:
    """Scores as a regression's; triplets and pairs as texts."""
    common: dict[str, Any] = {"token_lengths": token_lengths, "metrics": metrics(examples, answers), "data": data}
    if "score" in examples:
        low, high = task.score_range
        return Evaluation(
            problem="regression",
            labels=(),
            texts=examples["text"],
            text_pairs=examples["text_pair"],
            truth=(examples["score"] - low) / (high - low),
            scores=answers["similarity"],
            thresholds=None,
            **common,
        )
    if "negative" in examples:
        right, wrong = answers["similarity"], answers["similarity_negative"]
        quality, scores = (right > wrong).astype(float), np.maximum(right, wrong)
        choices = zip(examples["text_pair"], examples["negative"], quality, strict=True)
        predicted = [pair if is_right else negative for pair, negative, is_right in choices]
    else:
        ranks, nearest, scores = ranking(examples, answers)
        quality, predicted = 1 / ranks, [examples["text_pair"][row] for row in nearest]
    return Answers(
        texts=examples["text"],
        truth=examples["text_pair"],
        predicted=predicted,
        quality=quality,
        scores=scores,
        **common,
    )


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
