"""Work that several replicas share, those of other hosts included."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from keras import tree

if TYPE_CHECKING:
    from tfbert.data.batching.batches import Batches
    from tfbert.data.pretraining.batches import PretrainingBatches


def num_replicas() -> int:
    """How many replicas train together; 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def is_shared(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy has several replicas, or is a TPU's, which runs only what its strategy gives it."""
    return strategy.num_replicas_in_sync > 1 or isinstance(strategy, tf.distribute.TPUStrategy)


def summed(values: Any) -> Any:
    """A structure of this replica's tensors and None, each tensor summed over all replicas."""
    if num_replicas() == 1:
        return values
    given = [value for value in tree.flatten(values) if value is not None]
    reduced = iter(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, given))
    return tree.map_structure(lambda value: None if value is None else next(reduced), values)


def shared_out(
    strategy: tf.distribute.Strategy, batches: Batches | PretrainingBatches, start_step: int, read: Callable[..., Any]
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """The endless data set of batches from a global step on, each divided among the replicas.

    Args:
        read: a batch -> what of it goes to the devices.
    """
    if not is_shared(strategy):
        return batches.repeated(start_step).map(read)
    return strategy.distribute_datasets_from_function(lambda context: batches.repeated(start_step, context).map(read))
