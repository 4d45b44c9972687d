"""Batches: examples in memory -> a tf.data pipeline of features and targets. B batch, W windows, S sequence."""

import numpy as np
import tensorflow as tf

from tfbert.data import columns
from tfbert.data.order import batches_of_epoch, parts_of

_ROWS_PER_LENGTH_CALL = 256  # bounds the padded ids held while lengths are counted, of books too


class Batches:
    """Length-bucketed batches of a task's examples, in an order that (seed, epoch) alone decides.

    Args:
        examples: dict of equally long columns, as `tfbert.data.columns.tensor` takes them.
        features: graph function, columns of a batch -> dict with `padding_mask` int [W, S]; W is B, or "rows" [W]
            says which row of the batch each window is from.
        target: graph function, columns and features of a batch -> what the loss compares with; None for no target.
        shuffle: False gives each row once, longest first, in `rows` order.

    >>> batches = Batches({"text": ["a", "b"]}, task.features, batch_size=2)
    """

    def __init__(self, examples, features, target=None, *, batch_size=32, seed=0, shuffle=True):
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive, not {batch_size}")
        self.examples = examples
        self.columns = {name: columns.tensor(values) for name, values in examples.items()}
        self.features, self.target = features, target
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        # Traced once for all data sets below.
        self._traced = tf.function(self._batch, input_signature=[tf.TensorSpec([None], tf.int64)], autograph=False)
        self.lengths = self._count_tokens()
        self._plans = {}
        self.steps_per_epoch = -(-len(self.lengths) // batch_size)

    def __len__(self):
        return len(self.lengths)

    def plan(self, epoch=0):
        """The row numbers of each batch of an epoch."""
        # The pipeline runs ahead into the next epoch while the progress bar still asks about this one.
        if epoch not in self._plans:
            self._plans = {known: plan for known, plan in self._plans.items() if known >= epoch - 1}
            self._plans[epoch] = batches_of_epoch(
                self.lengths, self.batch_size, seed=self.seed, epoch=epoch, shuffle=self.shuffle
            )
        return self._plans[epoch]

    def rows_and_tokens(self, step):
        """How many rows and how many non-padding tokens the batch of a global step has."""
        rows = self.plan(step // self.steps_per_epoch)[step % self.steps_per_epoch]
        return len(rows), int(self.lengths[rows].sum())

    def repeated(self, start_step=0, replicas=None):
        """An endless tf.data.Dataset of (features, target) from a global step on, epoch after epoch.

        Args:
            replicas: a `tf.distribute.InputContext`: of each batch the parts of its own replicas follow each other.
        """

        def rows():
            step = start_step
            while True:
                yield from parts_of(self.plan(step // self.steps_per_epoch)[step % self.steps_per_epoch], replicas)
                step += 1

        return self._dataset(rows).map(lambda example, *batch: batch)

    def once(self):
        """A finite tf.data.Dataset of (columns, features, target) over `plan(0)`."""
        return self._dataset(lambda: iter(self.plan(0)))

    def _dataset(self, rows):
        spec = tf.TensorSpec([None], tf.int64)
        indices = tf.data.Dataset.from_generator(rows, output_signature=spec)
        return indices.map(self._traced, num_parallel_calls=2, deterministic=True).prefetch(4)

    def _batch(self, rows):
        example = {name: tf.gather(values, rows) for name, values in self.columns.items()}
        features = self.features(example)
        return (example, features) if self.target is None else (example, features, self.target(example, features))

    def _count_tokens(self):
        size = next(iter(self.columns.values())).shape[0]
        rows = tf.data.Dataset.range(size).batch(_ROWS_PER_LENGTH_CALL)

        def lengths(rows):
            features = self._traced(rows)[1]
            tokens = tf.reduce_sum(features["padding_mask"], axis=1)
            if "rows" not in features:
                return tokens
            return tf.math.unsorted_segment_sum(tokens, features["rows"], tf.size(rows))

        counted = list(rows.map(lengths, num_parallel_calls=2).as_numpy_iterator())
        return np.concatenate(counted) if counted else np.zeros(0, np.int32)
