"""What Keras 3 lacks to train on several replicas, hosts included."""

import keras
import tensorflow as tf
from keras import tree

from tfbert.errors import ConfigError


def num_replicas():
    """How many replicas train together; 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


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
    the data to build with, and means losses over replicas however many examples each has.
    tests/training/test_replicas.py tells when Keras has made this needless.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            return super()._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)
        if iterator is not None:
            spec = iterator.data_adapter.get_tf_dataset().element_spec
            data_batch = tf.nest.map_structure(lambda part: getattr(part, "_value_specs", (part,))[0], spec)
        with strategy.scope():
            self._symbolic_build(data_batch=data_batch)

    def make_train_function(self, force=False):
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = self._on_replicas(self.train_step)
        return self.train_function

    def make_test_function(self, force=False):
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = self._on_replicas(self.test_step)
        return self.test_function

    def _on_replicas(self, step):
        """A function of an iterator: `steps_per_execution` steps on all replicas, the logs of the first."""
        strategy = self.distribute_strategy
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            raise ConfigError("mixed_float16 works on one replica; give dtype mixed_bfloat16 on several")

        def one(iterator):
            logs = strategy.run(step, args=(next(iterator),))
            return tree.map_structure(lambda value: strategy.experimental_local_results(value)[0], logs)

        def several(iterator):
            logs = one(iterator)
            for _ in tf.range(self.steps_per_execution - 1):
                logs = one(iterator)
            return logs

        if self.run_eagerly:
            return one
        if self.steps_per_execution == 1:
            return tf.function(one, reduce_retracing=True, autograph=False)
        return tf.function(several, reduce_retracing=True)
