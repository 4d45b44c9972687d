"""The example of a sentence embedding: which columns it reads, and what a score may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.errors import DataError
from tfbert.tasks.columns import column_name, has_column

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.sentence_embedding.task import SentenceEmbedding

# Published data sets' and sentence-transformers' names for the same columns.
_OTHER_NAMES = {
    "text": ("sentence1", "sentence_A", "anchor", "query", "question1", "premise", "sentence", "text_a"),
    "text_pair": ("sentence2", "sentence_B", "positive", "question2", "hypothesis", "text_b"),
    "negative": ("hard_negative",),
    "score": ("similarity", "similarity_score", "relatedness_score", "label"),
}


def objective_for(table: Table, columns: Mapping[str, str]) -> str:
    """What a table's columns can teach."""
    if has_column("negative", table, columns, _OTHER_NAMES):
        return "triplet"
    return "cosine" if has_column("score", table, columns, _OTHER_NAMES) else "in_batch_negatives"


def score_range(table: Table, columns: Mapping[str, str]) -> tuple[float, float]:
    """The least and the highest score of a table."""
    scores = _scores(table, columns)
    if not len(scores) or scores.min() == scores.max():
        name = column_name("score", table, columns, _OTHER_NAMES)
        raise DataError(f"{table.source}: column {name!r} holds no two different scores; nothing can be learned")
    return float(scores.min()), float(scores.max())


def read(task: SentenceEmbedding, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: text, text_pair, negative, and score float [B], the last three where it has them."""
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    columns, needed = task.columns, {"text"}
    if labelled:
        needed.add("text_pair")
    if training and task.objective == "triplet":
        needed.add("negative")
    parts = [
        part
        for part in ("text", "text_pair", "negative")
        if part in needed or has_column(part, table, columns, _OTHER_NAMES)
    ]
    example = {part: table.text_column(column_name(part, table, columns, _OTHER_NAMES)) for part in parts}
    if not labelled:
        return example
    needs_score = training and task.objective == "cosine"
    if needs_score or (len(parts) == 2 and _has_score(task, table)):
        if needs_score and not has_column("score", table, columns, _OTHER_NAMES):
            raise DataError(
                f"{table.source}: no column 'score', which the objective \"cosine\" learns from; name it in columns, "
                f'or set objective="in_batch_negatives" for pairs that belong together'
            )
        example["score"] = _scores(table, columns)
    if training:
        _check_training(task, table, example)
    return example


def _has_score(task, table):
    """Whether pairs have scores; a column "label" holds some only if the objective learns from scores."""
    if not has_column("score", table, task.columns, _OTHER_NAMES):
        return False
    return task.objective == "cosine" or column_name("score", table, task.columns, _OTHER_NAMES) != "label"


def _check_training(task, table, example):
    if task.objective == "in_batch_negatives":
        if len(set(example["text_pair"])) < 2:
            raise DataError(f"{table.source}: all texts have the same pair; nothing can be learned")
    if task.objective != "cosine":
        return
    if "negative" in example:
        raise DataError(f'{table.source} has triplets, which the objective "cosine" does not read; set "triplet"')
    score_range(table, task.columns)
    low, high = task.score_range
    outside = np.flatnonzero((example["score"] < low) | (example["score"] > high))
    if len(outside):
        score = example["score"][outside[0]]
        raise DataError(
            f"{table.row_name(int(outside[0]))}: the score {score:g} is outside score_range {low:g} to {high:g}; "
            f"set score_range to the scale's least and highest score ({len(outside)} of {len(table)} rows are outside)"
        )


def _scores(table, columns):
    name = column_name("score", table, columns, _OTHER_NAMES)
    cells = table.column(name)
    scores = np.zeros(len(cells), np.float32)
    for i, cell in enumerate(cells):
        try:
            scores[i] = float(cell)
        except (TypeError, ValueError):
            raise DataError(
                f"{table.row_name(i)}: column {name!r} holds {cell!r}, which is no score; name the column of the "
                f'scores in columns, or set objective="in_batch_negatives" for pairs that belong together'
            ) from None
        if not math.isfinite(scores[i]):
            raise DataError(f"{table.row_name(i)}: the score {cell!r} is not a finite number")
    return scores
