"""The order of the examples: batches of similar length, as a function of (seed, epoch) alone.

It is pure numpy, so that any framework can be given the same batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


class Order:
    """The rows of every batch, epoch after epoch, as `batches_of_epoch` has them.

    `tf.data` never forgets a generator that it was given, so the generators here hold these numbers alone, and not the
    examples or their model.

    >>> order = Order(np.array([3, 1, 2]), batch_size=2, shuffle=False)
    >>> order.rows_of(0).tolist(), order.rows_of(1).tolist(), order.rows_of(2).tolist()
    ([0, 2], [1], [0, 2])
    """

    def __init__(self, lengths: np.ndarray, batch_size: int, *, seed: int = 0, shuffle: bool = True) -> None:
        self.lengths, self.batch_size, self.seed, self.shuffle = lengths, batch_size, seed, shuffle
        self.steps_per_epoch = -(-len(lengths) // batch_size)
        self._plans: dict[int, list[np.ndarray]] = {}

    def plan(self, epoch: int = 0) -> list[np.ndarray]:
        """The row numbers of each batch of an epoch."""
        # The pipeline is ahead, in the next epoch, while the progress bar still asks about this one.
        if epoch not in self._plans:
            self._plans = {known: plan for known, plan in self._plans.items() if known >= epoch - 1}
            self._plans[epoch] = batches_of_epoch(
                self.lengths, self.batch_size, seed=self.seed, epoch=epoch, shuffle=self.shuffle
            )
        return self._plans[epoch]

    def rows_of(self, step: int) -> np.ndarray:
        """The row numbers of the batch of a global step."""
        return self.plan(step // self.steps_per_epoch)[step % self.steps_per_epoch]

    def repeated(self, start_step: int = 0, replicas: Any = None) -> Iterator[np.ndarray]:
        """The rows of each batch from a global step on, without end; with `replicas`, `parts_of` them."""
        step = start_step
        while True:
            yield from parts_of(self.rows_of(step), replicas)
            step += 1

    def once(self, replicas: Any = None) -> Iterator[np.ndarray]:
        """The rows of each batch of `plan(0)`; with `replicas` those of its own, as many as the others have."""
        plan = self.plan(0)
        if replicas is None:
            yield from plan
            return
        for start in range(0, len(plan), replicas.num_replicas_in_sync):
            for i in own_replicas(replicas):
                yield plan[start + i] if start + i < len(plan) else np.zeros(0, np.int64)


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
