"""The metrics of relation extraction. N examples, L labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn.metrics

from tfbert.tasks.evaluation import Evaluation
from tfbert.tasks.relation_extraction.examples import marked
from tfbert.tasks.relation_extraction.relations import NO_RELATION, relation_and_direction, relations_of

__all__ = ["NO_RELATION", "evaluation", "metrics", "relation_and_direction"]

if TYPE_CHECKING:
    from tfbert.tasks.relation_extraction.task import RelationExtraction


def metrics(labels: Sequence[str], truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """The official scores of SemEval-2010 Task 8, from 0 to 1; labels without directions are scored the same way.

    "(9+1)-way evaluation taking directionality into account": an answer is right with its direction, and precision
    and recall are over a relation's two directions together. `macro_f1` averages over the relations that occur in
    the truth, `micro_f1` counts all of them together, both without Other and no_relation; NaN where that leaves
    none. Source: semeval2010_task8_scorer-v1.2.pl.

    Args:
        labels: names [L].
        truth: int [N]; below 0 are labels that are none of `labels`, see `numbers_of_unknown`. They are missed.
        predicted: int [N].

    >>> metrics(("Other", "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)"), [0, 1, 1, 2], [0, 1, 2, 2])
    {'macro_f1': 0.6666666666666666, 'micro_f1': 0.6666666666666666, 'accuracy': 0.75}
    """
    truth, predicted = np.asarray(truth, np.int64), np.asarray(predicted, np.int64)
    relations, relation_of = relations_of(labels)
    known, right = truth >= 0, truth == predicted
    of_unknown = -2 - truth[truth < -1]
    size = max(len(relations), 1 + int(of_unknown.max(initial=-1)))

    def count(numbers):
        return np.bincount(numbers, minlength=size)

    proposed, right = count(relation_of[predicted]), count(relation_of[truth[right]])
    actual = count(relation_of[truth[known]]) + count(of_unknown)
    is_relation = np.append(~np.isin(relations, NO_RELATION), np.ones(size - len(relations), bool))
    scored = is_relation & (actual > 0)
    f1 = 2 * right[scored] / (actual + proposed)[scored]
    micro = 2 * right[scored].sum() / (actual + proposed)[scored].sum() if scored.any() else np.nan
    return {
        "macro_f1": float(f1.mean()) if scored.any() else float("nan"),
        "micro_f1": float(micro),
        "accuracy": float(sklearn.metrics.accuracy_score(truth, predicted)),
    }


def evaluation(
    task: RelationExtraction,
    examples: Mapping[str, Any],
    answers: dict[str, np.ndarray],
    *,
    token_lengths: np.ndarray,
    data: str,
) -> Evaluation:
    """What the report draws: scores of each label, and texts that mark their entities."""
    texts = examples["text"]
    if "head" in examples:
        spans = zip(texts, examples["head"], examples["tail"], strict=True)
        texts = [marked(*row) for row in spans]
    return Evaluation(
        problem=task.problem,
        labels=task.labels,
        texts=texts,
        text_pairs=None,
        truth=np.maximum(examples["label"], -1),
        scores=answers["probabilities"],
        thresholds=None,
        token_lengths=token_lengths,
        metrics=task.metrics(examples, answers),
        data=data,
    )
