"""How a model answers many texts: in batches of similar length, so that little is padded. B batch, S sequence."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tqdm

from tfbert.data import columns
from tfbert.data.batching.batches import ROWS_PER_LENGTH_CALL, tokens_and_windows

if TYPE_CHECKING:
    from tfbert.models.text_model import TextModel

BATCH_SIZE = 32  # the default of `fit`, `evaluate` and `predict`, and of Keras
_TOKENS_OF_SHORT_TEXTS = 4096  # in a batch; on two cores the time per token is about constant from 2,000 on


def answers_in_batches(
    model: TextModel,
    examples: dict[str, Any],
    size: int,
    batch_size: int | None = None,
    *,
    verbose: str | int = 0,
    description: str = "predict",
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Yields, for each batch, the indices of its examples and the answers to them.

    Args:
        examples: the columns of the task, each with `size` rows.
        batch_size: examples computed at once; by default 32, or more if texts are short, because 32 of these do not
            keep a processor busy.
        verbose, description: as in `progress`.
    """
    answer = model.traced("answer", model.answer, columns.specs(examples))
    batches = _batches_of_like_length(model, examples, size, batch_size)

    def of_batch(example_ids):
        example = {name: columns.tensor([column[i] for i in example_ids]) for name, column in examples.items()}
        return {name: value.numpy() for name, value in answer(example).items()}

    with concurrent.futures.ThreadPoolExecutor(model.callers) as pool:
        answers = pool.map(of_batch, batches) if model.callers > 1 else map(of_batch, batches)
        yield from zip(batches, progress(answers, len(batches), verbose, description), strict=True)


def _batches_of_like_length(model, examples, size, batch_size):
    """The indices of the examples of each batch."""
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be positive, not {batch_size}")
    if size <= (batch_size or BATCH_SIZE):
        return [np.arange(size)]

    def tokens(example):
        rows = tf.shape(next(iter(example.values())))[0]
        return tokens_and_windows(model.task.features(example), rows)[:, 0]

    count = model.traced("lengths", tokens, columns.specs(examples))
    counted = []
    for start in range(0, size, ROWS_PER_LENGTH_CALL):
        part = slice(start, start + ROWS_PER_LENGTH_CALL)
        counted.append(count({name: columns.tensor(values[part]) for name, values in examples.items()}))
    lengths = np.concatenate(counted)
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < size:
        rows = batch_size or max(BATCH_SIZE, _TOKENS_OF_SHORT_TEXTS // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + rows])
        start += rows
    return batches


def progress(iterable: Iterable, total: int, verbose: str | int, description: str) -> tqdm.tqdm:
    """A progress bar; "auto" shows it for more than 20 steps."""
    shown = total > 20 if verbose == "auto" else bool(verbose)
    return tqdm.tqdm(iterable, total=total, desc=description, disable=not shown, leave=False)
