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
    if _has_lists(table, columns):
        return "triplet" if "neg" in table.columns else "in_batch_negatives"
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
    table = _of_lists(table, task.columns, labelled)
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


def _has_lists(table, columns):
    """Whether a table has query, pos and neg as FlagEmbedding has them, and `columns` names none of them."""
    return {"query", "pos"} <= set(table.columns) and not {"text_pair", "negative"} & set(columns)


def _of_lists(table, columns, labelled):
    """Rows of {"query", "pos": [texts], "neg": [texts]} as triplets: the first positive and the first negative of each.

    The others are noted. Source: Xiao et al. 2023, C-Pack, whose files FlagEmbedding trains BGE on.
    """
    if not labelled or not _has_lists(table, columns):
        return table
    new = table.select(slice(None))
    left_out = []
    for name, part in (("pos", "text_pair"), ("neg", "negative")):
        if name not in table.columns:
            continue
        new.columns[part] = []
        for i, cell in enumerate(table.list_column(name)):
            texts = [cell] if isinstance(cell, str) else cell
            if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
                message = f"column {name!r} must hold a list of at least one text, not {cell!r:.80}"
                raise table.row_error(i, message, f"no text in {name!r}")
            new.columns[part].append(texts[0])
            left_out += [i] * (len(texts) - 1)
    table.note("more texts of 'pos' and 'neg' are left out; the first of each is learned", sorted(left_out))
    return new


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
        raise table.row_error(
            int(outside[0]),
            f"the score {score:g} is outside score_range {low:g} to {high:g}; "
            f"set score_range to the scale's least and highest score ({len(outside)} of {len(table)} rows are outside)",
            "a score outside score_range",
        )


def _scores(table, columns):
    name = column_name("score", table, columns, _OTHER_NAMES)
    cells = table.column(name)
    scores = np.zeros(len(cells), np.float32)
    for i, cell in enumerate(cells):
        try:
            scores[i] = float(cell)
        except (TypeError, ValueError):
            raise table.row_error(
                i,
                f"column {name!r} holds {cell!r}, which is no score; name the column of the scores in columns, or set "
                'objective="in_batch_negatives" for pairs that belong together',
                "no score",
            ) from None
        if not math.isfinite(scores[i]):
            raise table.row_error(i, f"the score {cell!r} is not a finite number", "no finite score")
    return scores
