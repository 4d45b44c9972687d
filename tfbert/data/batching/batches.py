"""Batches: examples in memory -> a tf.data pipeline of features and targets. B batch, W windows, S sequence."""

import functools

import numpy as np
import tensorflow as tf

from tfbert.data import columns
from tfbert.data.batching.order import batches_of_epoch, own_replicas, parts_of
from tfbert.data.batching.static_shapes import filled_up, filled_up_target

SAMPLE_WEIGHT = "sample_weight"
ROWS_PER_LENGTH_CALL = 256  # bounds the padded ids held while lengths are counted, of books too


class Batches:
    """Length-bucketed batches of a task's examples, in an order that (seed, epoch) alone decides.

    Args:
        examples: dict of equally long columns, as `tfbert.data.columns.tensor` takes them.
        features: graph function, columns of a batch -> dict with `padding_mask` int [W, S]; W is B, or "rows" [W]
            says which row of the batch each window is from.
        target: graph function, columns and features of a batch -> what the loss compares with; None for no target.
        shuffle: False gives each row once, longest first, in `rows` order.
        static_length: S of every batch, whose W is then always the same as well; 0 pads each batch to its own longest.
            "is_real" of the features tells the batch's own windows from those that fill it up.
        parts: what W can be divided by then.
        sample_weight: float [rows of the examples], of each in the loss: "sample_weight" of the features, [W].

    >>> batches = Batches({"text": ["where is my parcel", "refund"]}, task.features, batch_size=2)
    >>> batches.lengths  # tokens of each text
    array([6, 3], dtype=int32)
    """

    def __init__(
        self,
        examples,
        features,
        target=None,
        *,
        batch_size=32,
        seed=0,
        shuffle=True,
        static_length=0,
        parts=1,
        sample_weight=None,
    ):
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

        count = 1 if replicas is None else replicas.num_replicas_in_sync
        return self._dataset(rows, -(-self.batch_size // count)).map(lambda example, *batch: batch)

    def once(self, replicas=None):
        """A finite tf.data.Dataset of (columns, features, target) over `plan(0)`.

        Args:
            replicas: a `tf.distribute.InputContext`: of each batch in turn each replica takes one, the last maybe an
                empty one, and its own follow each other.
        """

        def rows():
            plan = self.plan(0)
            if replicas is None:
                yield from plan
                return
            for start in range(0, len(plan), replicas.num_replicas_in_sync):
                for i in own_replicas(replicas):
                    yield plan[start + i] if start + i < len(plan) else np.zeros(0, np.int64)

        return self._dataset(rows, self.batch_size)

    def _dataset(self, rows, batch_size):
        spec = tf.TensorSpec([None], tf.int64)
        indices = tf.data.Dataset.from_generator(rows, output_signature=spec)
        batch = self._traced
        if self.static_length:
            # Whatever texts come together: as many windows as the texts with most of them have.
            windows = int(np.sort(self._windows)[-batch_size:].sum()) if len(self._windows) else batch_size
            windows = -(-max(windows, batch_size) // self._parts) * self._parts
            batch = functools.partial(self._batch, windows=windows)
        return indices.map(batch, num_parallel_calls=2, deterministic=True).prefetch(4)

    def _batch(self, rows, windows=None):
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

    def _count(self):
        """Of each row of the examples, how many tokens it has, and in how many windows."""
        size = next(iter(self.columns.values())).shape[0]
        rows = tf.data.Dataset.range(size).batch(ROWS_PER_LENGTH_CALL)

        def count(rows):
            return tokens_and_windows(self._traced(rows)[1], tf.size(rows))

        counted = list(rows.map(count, num_parallel_calls=2).as_numpy_iterator())
        return (np.concatenate(counted) if counted else np.zeros([0, 2], np.int32)).T


def tokens_and_windows(features, size):
    """Features of `size` rows -> of each how many tokens it has, and in how many windows, int32 [B, 2]."""
    tokens = tf.reduce_sum(features["padding_mask"], axis=1)
    counts = tf.stack([tokens, tf.ones_like(tokens)], 1)
    return tf.math.unsorted_segment_sum(counts, features["rows"], size) if "rows" in features else counts
