"""What Keras 3 lacks to train on several replicas, hosts included."""

import functools

import keras
import tensorflow as tf
from keras import tree

from tfbert.errors import ConfigError


def num_replicas():
    """How many replicas train together; 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def is_shared(strategy):
    """Whether a strategy has replicas to share work out among, or a TPU, which runs only what it is given so."""
    return strategy.num_replicas_in_sync > 1 or isinstance(strategy, tf.distribute.TPUStrategy)


def summed(values):
    """Values of this replica, a structure of tensors and None, summed over all replicas."""
    if num_replicas() == 1:
        return values
    given = [value for value in tree.flatten(values) if value is not None]
    reduced = iter(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, given))
    return tree.map_structure(lambda value: None if value is None else next(reduced), values)


def takes_summed_gradients(optimizer):
    """Has a Keras optimizer leave gradients as they are: its own sum over replicas would come after clipping."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables


class Replicated:
    """Mixin before `keras.Model`: `fit` and `evaluate` under every `tf.distribute` strategy of one or more replicas.

    Keras' own reduces nested structures with `strategy.reduce`, which multi-worker strategies refuse, takes a batch of
    the data to build with, means losses over replicas however many examples each has, and runs more steps than an
    epoch has where `steps_per_execution` does not divide it.
    tests/training/test_replicas.py tells when Keras has made this needless.
    """

    steps_of_epoch = None  # of the `fit` that runs, where they are known

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        strategy = self.distribute_strategy
        if not is_shared(strategy):
            return super()._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)
        if iterator is not None:
            spec = iterator.data_adapter.get_tf_dataset().element_spec
            data_batch = tf.nest.map_structure(lambda part: getattr(part, "_value_specs", (part,))[0], spec)
        with strategy.scope():
            self._symbolic_build(data_batch=data_batch)

    def make_train_function(self, force=False):
        if not is_shared(self.distribute_strategy) and self.steps_per_execution == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = self._on_replicas(self.train_step)
        return self.train_function

    def make_test_function(self, force=False):
        if not is_shared(self.distribute_strategy):
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = self._on_replicas(self.test_step)
        return self.test_function

    def _on_replicas(self, step):
        """A function of an iterator: `steps_per_execution` steps on all replicas, the logs of the first."""
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync > 1 and isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            raise ConfigError("mixed_float16 works on one replica; give dtype mixed_bfloat16 on several")
        if self.jit_compile and not is_shared(strategy):
            step = tf.function(step, jit_compile=True, reduce_retracing=True, autograph=False)

        def one(iterator):
            logs = strategy.run(step, args=(next(iterator),))
            return tree.map_structure(lambda value: strategy.experimental_local_results(value)[0], logs)

        if self.run_eagerly:
            return one
        if self.steps_per_execution == 1:
            return tf.function(one, reduce_retracing=True, autograph=False)

        @functools.partial(tf.function, reduce_retracing=True)
        def several(iterator, count):
            logs = one(iterator)
            for _ in tf.range(count - 1):
                logs = one(iterator)
            return logs

        done = 0

        def up_to_the_end(iterator):
            nonlocal done
            left = self.steps_per_execution if self.steps_of_epoch is None else self.steps_of_epoch - done
            count = min(self.steps_per_execution, left)
            done = 0 if count == left else done + count
            return several(iterator, tf.constant(count))

        return up_to_the_end
