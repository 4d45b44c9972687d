"""The order of the examples: batches of similar length, as a function of (seed, epoch) alone.

It is pure numpy, so that any framework can be given the same batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

WINDOW = 50  # batches sorted together, as Hugging Face's LengthGroupedSampler does


def batches_of_epoch(
    lengths: Sequence[int] | np.ndarray, batch_size: int, *, seed: int = 0, epoch: int = 0, shuffle: bool = True
) -> list[np.ndarray]:
    """The row numbers of each batch of one epoch.

    Rows are shuffled, then sorted by length within windows of `WINDOW` batches: batches have little padding and an
    epoch is still random. The order of the batches is shuffled too. Without `shuffle` all rows are sorted by length,
    longest first, for evaluation.

    Args:
        lengths: token counts, int [rows].
        batch_size: rows in a batch; only one batch of the epoch may be smaller.

    Returns:
        A list of int64 arrays, each row exactly once.

    >>> [rows.tolist() for rows in batches_of_epoch([3, 1, 2], batch_size=2, shuffle=False)]
    [[0, 2], [1]]
    """
    tokens = np.asarray(lengths)
    if not shuffle:
        rows = np.argsort(-tokens, kind="stable")
        return _cut(rows, batch_size)
    random = np.random.default_rng((seed, epoch))
    rows = random.permutation(len(tokens))
    batches = []
    for window in _cut(rows, batch_size * WINDOW):
        window = window[np.argsort(-tokens[window], kind="stable")]
        batches += _cut(window, batch_size)
    return [batches[i] for i in random.permutation(len(batches))]


def parts_of(rows: np.ndarray, replicas: Any = None) -> list[np.ndarray]:
    """The shares of a batch for the replicas of a `tf.distribute.InputContext`, as even as possible; some may be empty.

    >>> [share.tolist() for share in parts_of(np.arange(4))]  # no replicas: one share
    [[0, 1, 2, 3]]
    """
    if replicas is None:
        return [rows]
    parts = np.array_split(rows, replicas.num_replicas_in_sync)
    return [parts[i] for i in own_replicas(replicas)]


def own_replicas(replicas: Any) -> range:
    """The numbers of the replicas that a `tf.distribute.InputContext` feeds.

    >>> own_replicas(tf.distribute.InputContext(num_input_pipelines=2, input_pipeline_id=1, num_replicas_in_sync=4))
    range(2, 4)
    """
    own = replicas.num_replicas_in_sync // replicas.num_input_pipelines
    return range(replicas.input_pipeline_id * own, (replicas.input_pipeline_id + 1) * own)


def _cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[i : i + size] for i in range(0, len(rows), size)]
