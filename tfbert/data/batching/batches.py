"""Batches: examples in memory -> a tf.data pipeline of features and targets.

B texts of a batch, W windows of these texts (W = B without windows), S sequence.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfbert.data import columns
from tfbert.data.batching.order import Order
from tfbert.data.batching.static_shapes import filled_up, filled_up_target

SAMPLE_WEIGHT = "sample_weight"
ROWS_PER_LENGTH_CALL = 256  # bounds the padded ids in memory while lengths are counted, also those of books


class Batches:
    """Length-bucketed batches of a task's examples, in an order that (seed, epoch) alone decides.

    Args:
        examples: dict of equally long columns, as `tfbert.data.columns.tensor` takes them.
        features: graph function, columns [B] of a batch -> dict with `padding_mask` int [W, S]. W is B, or "rows" [W]
            says which row of the batch each window is from.
        target: graph function, columns and features of a batch -> what the loss compares with; None for no target.
        shuffle: False sorts the rows by length, longest first.
        static_length: S of every batch, whose W is then the same for all batches, too; 0 pads each batch to its own
            longest text. The feature "is_real" marks the batch's own windows, and not those that fill it up.
        parts: W is a multiple of it if there is a static length.
        sample_weight: float [number of examples], each example's weight in the loss: the feature "sample_weight" [W].

    >>> batches = Batches({"text": ["where is my parcel", "refund"]}, task.features, batch_size=2)
    >>> batches.lengths  # tokens of each text
    array([6, 3], dtype=int32)
    """

    skipped_rows: int | None = None  # of the data, which are in no batch; None where a bad row is an error

    def __init__(
        self,
        examples: Mapping[str, Any],
        features: Callable[[dict], dict],
        target: Callable[[dict, dict], Any] | None = None,
        *,
        batch_size: int = 32,
        seed: int = 0,
        shuffle: bool = True,
        static_length: int = 0,
        parts: int = 1,
        sample_weight: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive, not {batch_size}")
        self.examples = examples
        self.columns = {name: columns.tensor(values) for name, values in examples.items()}
        self.features, self.target = features, target
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.static_length, self._parts = static_length, parts
        self._sample_weight = None if sample_weight is None else tf.constant(sample_weight, tf.float32)
        # Traced once for all data sets below.
        self._traced = tf.function(self._batch, input_signature=[tf.TensorSpec([None], tf.int64)], autograph=False)
        self.lengths, self._windows = self._count()
        self._order = Order(self.lengths, batch_size, seed=seed, shuffle=shuffle)
        self.steps_per_epoch = self._order.steps_per_epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def plan(self, epoch: int = 0) -> list[np.ndarray]:
        """The row numbers of each batch of an epoch."""
        return self._order.plan(epoch)

    def rows_and_tokens(self, step: int) -> tuple[int, int]:
        """The number of rows and of non-padding tokens in the batch of a global step."""
        rows = self._order.rows_of(step)
        return len(rows), int(self.lengths[rows].sum())

    def repeated(self, start_step: int = 0, replicas: Any = None) -> tf.data.Dataset:
        """An endless tf.data.Dataset of (features, target), epoch after epoch, that begins with a global step.

        Args:
            replicas: a `tf.distribute.InputContext`; the data set then has the shares of its replicas of each batch,
                one after the other.
        """
        count = 1 if replicas is None else replicas.num_replicas_in_sync
        rows = functools.partial(self._order.repeated, start_step, replicas)
        return self._dataset(rows, -(-self.batch_size // count)).map(lambda example, *batch: batch)

    def once(self, replicas: Any = None) -> tf.data.Dataset:
        """A finite tf.data.Dataset of (columns, features, target) over `plan(0)`.

        Args:
            replicas: a `tf.distribute.InputContext`; batches go to all replicas in turn, the data set has those of its
                own, and empty batches at the end give each replica as many as the others.
        """
        return self._dataset(functools.partial(self._order.once, replicas), self.batch_size)

    def _dataset(self, rows: Callable[[], Iterator[np.ndarray]], batch_size: int) -> tf.data.Dataset:
        spec = tf.TensorSpec([None], tf.int64)
        indices = tf.data.Dataset.from_generator(rows, output_signature=spec)
        batch = self._traced
        if self.static_length:
            # Enough for any texts in one batch: the number of windows of those texts that have the most.
            windows = int(np.sort(self._windows)[-batch_size:].sum()) if len(self._windows) else batch_size
            windows = -(-max(windows, batch_size) // self._parts) * self._parts
            batch = functools.partial(self._batch, windows=windows)
        return indices.map(batch, num_parallel_calls=2, deterministic=True).prefetch(4)

    def _batch(self, rows: tf.Tensor, windows: int | None = None) -> tuple:
        example = {name: tf.gather(values, rows) for name, values in self.columns.items()}
        features = self.features(example)
        if self._sample_weight is not None:
            weights = tf.gather(self._sample_weight, rows)
            features[SAMPLE_WEIGHT] = tf.gather(weights, features["rows"]) if "rows" in features else weights
        if windows is not None:
            features = filled_up(features, windows, self.static_length)
        if self.target is None:
            return example, features
        target = self.target(example, features)
        if windows is not None:
            target = filled_up_target(target, windows, self.static_length)
        return example, features, target

    def _count(self) -> np.ndarray:
        """The number of tokens and of windows of each example: int32 [2, examples]."""
        size = next(iter(self.columns.values())).shape[0]
        rows = tf.data.Dataset.range(size).batch(ROWS_PER_LENGTH_CALL)

        def count(rows):
            return tokens_and_windows(self._traced(rows)[1], tf.size(rows))

        counted = list(rows.map(count, num_parallel_calls=2).as_numpy_iterator())
        return (np.concatenate(counted) if counted else np.zeros([0, 2], np.int32)).T


def tokens_and_windows(features: Mapping[str, tf.Tensor], size: int | tf.Tensor) -> tf.Tensor:
    """Features of `size` = B rows -> the number of tokens and of windows of each row, int32 [B, 2].

    >>> tokens_and_windows({"padding_mask": tf.constant([[1, 1, 0], [1, 1, 1]])}, 2).numpy().tolist()
    [[2, 1], [3, 1]]
    """
    tokens = tf.reduce_sum(features["padding_mask"], axis=1)
    counts = tf.stack([tokens, tf.ones_like(tokens)], 1)
    return tf.math.unsorted_segment_sum(counts, features["rows"], size) if "rows" in features else counts
