"""Batches of pretraining examples: shards on disk -> a tf.data pipeline of masked rows.

Shapes: B rows, S tokens of a row, P predictions of a row, C sequences of a packed row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfbert.data.batching.order import own_replicas
from tfbert.data.pretraining import shards as shard_files
from tfbert.data.pretraining.masking import Masking
from tfbert.errors import ConfigError

_SHARDS_TOGETHER = 16  # read in turn, so that the rows of a batch come from different texts
_SHUFFLE_BUFFER = 10_000  # rows, still serialized: about 10 MB
_ROWS_AT_ONCE = 4096
_SHORTEST = 3  # tokens of a sequence: a special one, one of text, a special one
_DRAWS = 4  # that the seed of a batch is folded with for the draws; masking has its own numbers
_EVALUATION = 1 << 20  # the first part of the seed of held-out masks; no run has this seed


class PretrainingBatches:
    """Batches of the rows of `make-examples`, in an order that (seed, step) alone decides, with new masks each time.

    Rows are shuffled within 16 shards; the rows of all epochs are one stream, so that each batch is full. All shapes
    are static: rows are padded to the examples' `max_length`.

    Args:
        shards: `tfbert.data.pretraining.shards.Shards`.
        masking: a `Masking`; not used if the examples have static masks.
        batch_size: B.

    >>> shards = shard_files.open_shards("examples")
    >>> batches = PretrainingBatches(shards, Masking.of_tokenizer(tokenizer), batch_size=4)
    >>> next(iter(batches.repeated()))["token_ids"].shape == (4, shards.max_length)
    True
    """

    def __init__(self, shards: shard_files.Shards, masking: Masking, *, batch_size: int = 32, seed: int = 0) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive, not {batch_size}")
        self.shards, self.masking, self.batch_size, self.seed = shards, masking, batch_size, seed
        self.max_length = shards.max_length
        self.max_predictions = masking.max_predictions
        if shards.has_static_masks:
            self.max_predictions = shards.manifest["masking"]["max_predictions"]
        if not shards.rows:
            raise ConfigError(f"{shards.folder} holds no rows")

    def __len__(self) -> int:
        return self.shards.rows

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches that hold each row once; the last one also has first rows of the next epoch."""
        return -(-len(self) // self.batch_size)

    @property
    def tokens_per_step(self) -> float:
        """Non-padding tokens of a batch, on average."""
        return self.batch_size * self.shards.tokens / self.shards.rows

    def repeated(self, start_step: int = 0, replicas: Any = None) -> tf.data.Dataset:
        """An endless tf.data.Dataset of features that begins with a global step; `Pretrainer` has their names.

        Args:
            replicas: a `tf.distribute.InputContext`; the data set then has the shares of its replicas of each batch,
                one after the other.

        Raises:
            ConfigError: the number of replicas does not divide `batch_size`.
        """
        if replicas is not None and self.batch_size % replicas.num_replicas_in_sync:
            raise ConfigError(
                f"batch_size {self.batch_size} does not divide by {replicas.num_replicas_in_sync} replicas"
            )
        spec = tf.TensorSpec([self.batch_size], tf.string)
        records = tf.data.Dataset.from_generator(lambda: self._records(start_step), output_signature=spec)
        steps = tf.data.Dataset.counter(tf.constant(start_step, tf.int64))

        def features(step: tf.Tensor, records: tf.Tensor) -> dict:
            return self._features(records, (self.seed, tf.cast(step, tf.int32)))

        batches = tf.data.Dataset.zip(steps, records)
        return _shared_out(batches.map(features, num_parallel_calls=2, deterministic=True), replicas).prefetch(4)

    def once(self, replicas: Any = None) -> tf.data.Dataset:
        """A finite tf.data.Dataset of the rows in the order of the shards, with the same masks each time."""
        records = tf.data.TFRecordDataset(self.shards.files, compression_type="GZIP").batch(self.batch_size)

        def features(number: tf.Tensor, records: tf.Tensor) -> dict:
            return self._features(records, (_EVALUATION, tf.cast(number, tf.int32)))

        batches = records.enumerate().map(features, num_parallel_calls=2, deterministic=True)
        return _shared_out(batches, replicas).prefetch(4)

    def _records(self, start_step: int) -> Iterator[np.ndarray]:
        """The serialized rows [B] of each batch, without end, beginning with a step."""
        rows = np.empty(0, object)
        for records in self._groups(start_step * self.batch_size):
            # The only loop over rows in Python: some thousand rows at a time.
            for block in records.batch(_ROWS_AT_ONCE).as_numpy_iterator():
                rows = np.concatenate([rows, block])
                whole = len(rows) - len(rows) % self.batch_size
                yield from rows[:whole].reshape(-1, self.batch_size)
                rows = rows[whole:]

    def _groups(self, start: int) -> Iterator[tf.data.Dataset]:
        """The rows of each group of shards in random order, beginning with a row of the endless stream."""
        epoch, skipped = start // len(self), start % len(self)
        while True:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.shards.shards))
            for number, begin in enumerate(range(0, len(order), _SHARDS_TOGETHER)):
                group = [self.shards.shards[i] for i in order[begin : begin + _SHARDS_TOGETHER]]
                rows = sum(shard.rows for shard in group)
                if skipped < rows:
                    seed = int(np.random.default_rng((self.seed, epoch, number)).integers(1, 2**31))
                    yield _shuffled([shard.path for shard in group], seed).skip(skipped)
                skipped = max(0, skipped - rows)
            epoch += 1

    def _features(self, records: tf.Tensor, seed: tuple) -> dict[str, tf.Tensor]:
        rows = shard_files.parse(records, self.shards.has_static_masks)
        length = self.max_length

        def dense(name: str, size: int) -> tf.Tensor:
            return rows[name].to_tensor(shape=[None, size])

        token_ids, segment_ids = dense("token_ids", length), dense("segment_ids", length)
        padding_mask = tf.sequence_mask(rows["token_ids"].row_lengths(), length, tf.int32)
        if self.shards.has_static_masks:
            sizes = rows["masked_positions"].row_lengths()
            masked = {name: dense(name, self.max_predictions) for name in ("masked_positions", "masked_ids")}
            masked["masked_weights"] = tf.sequence_mask(sizes, self.max_predictions, tf.float32)
        else:
            masked = self.masking(token_ids, dense("word_starts", length), padding_mask, seed=seed)
        features = {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": padding_mask, **masked}
        seed_of_draws = tf.random.experimental.stateless_fold_in(tf.cast(tf.stack(seed), tf.int32), _DRAWS)
        features["draws"] = tf.random.stateless_uniform(tf.shape(masked["masked_ids"]), seed_of_draws)
        features["draws"] = tf.ensure_shape(features["draws"], masked["masked_ids"].shape)
        sequences = length // _SHORTEST if self.shards.is_packed else 1
        if self.shards.is_packed:
            ends = tf.cumsum(dense("sequence_lengths", sequences), axis=1)
            features.update(_places(ends, padding_mask))
        if self.shards.objective != "none":
            features["pair_labels"] = dense("next_sentence", sequences)
            sizes = rows["next_sentence"].row_lengths()
            features["pair_weights"] = tf.sequence_mask(sizes, sequences, tf.float32)
            if self.shards.is_packed:
                starts = tf.pad(ends[:, :-1], [[0, 0], [1, 0]])
                features["pair_positions"] = tf.minimum(starts, length - 1)  # of no sequence: its weight is 0
        return features


def _shared_out(batches: tf.data.Dataset, replicas: Any) -> tf.data.Dataset:
    """The shares of each batch for the replicas of a `tf.distribute.InputContext`; without one, the batches.

    The masks are drawn for the whole batch, so that they do not depend on the number of replicas.
    """
    if replicas is None:
        return batches
    parts, own = replicas.num_replicas_in_sync, own_replicas(replicas)

    def cut(features: dict) -> tf.data.Dataset:
        size = tf.shape(features["token_ids"], tf.int64)[0]
        rows = features["token_ids"].shape[0] and features["token_ids"].shape[0] // parts  # static for training

        def part(i: tf.Tensor) -> dict:
            pieces = {name: value[i * size // parts : (i + 1) * size // parts] for name, value in features.items()}
            return {name: tf.ensure_shape(piece, [rows, *piece.shape[1:]]) for name, piece in pieces.items()}

        return tf.data.Dataset.range(own.start, own.stop).map(part)

    return batches.flat_map(cut)


def _shuffled(files: Sequence[str], seed: int) -> tf.data.Dataset:
    """The serialized rows of several files in random order."""
    records = tf.data.Dataset.from_tensor_slices(files).interleave(
        lambda file: tf.data.TFRecordDataset(file, compression_type="GZIP"),
        cycle_length=_SHARDS_TOGETHER,
        num_parallel_calls=2,
        deterministic=True,
    )
    return records.shuffle(_SHUFFLE_BUFFER, seed=seed, reshuffle_each_iteration=False)


def _places(ends: tf.Tensor, padding_mask: tf.Tensor) -> dict[str, tf.Tensor]:
    """The number of each token's sequence in its row, from 1 (0: padding), and its place in it: int32 [B, S] both."""
    shape = tf.shape(padding_mask)
    places = tf.tile(tf.range(shape[1])[None], [shape[0], 1])
    number = tf.searchsorted(ends, places, side="right")  # [B, S]
    starts = tf.gather(tf.pad(ends, [[0, 0], [1, 0]]), number, batch_dims=1)
    return {"sequence_ids": (number + 1) * padding_mask, "position_ids": (places - starts) * padding_mask}
