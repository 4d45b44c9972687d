"""Every private name of Keras that the package uses, each behind a plain one.

Keras has no public way to do these things. tests/training/test_keras_internals.py has a test for each name, so that a
Keras that renames one is found there, by name.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class PrivateNames:
    """Mixin before `keras.Model`: what its trainer has under private names."""

    def require_compiled(self, method: str) -> None:
        """Raises ValueError where `compile` was not called before the method."""
        self._assert_compile_called(method)

    def mean_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, *, training: bool) -> tf.Tensor:
        """The loss given to `compile`, divided by the number of replicas; a user's own `compute_loss` may make it."""
        return self._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)

    def add_to_running_loss(self, loss: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds a mean loss of so many terms to the running mean that Keras logs as "loss"."""
        self._loss_tracker.update_state(loss, sample_weight=weight)

    def set_loss_of_all_outputs(self, loss: keras.losses.Loss) -> None:
        """Sets a loss that the model's `compute_loss` gives all outputs to, where Keras would ask for one of each."""
        self.loss, self._compile_loss = loss, None  # and none of an earlier compile

    def build_from_specs(self, specs: Any) -> None:
        """Makes metrics and optimizer variables from the specs of a batch, without a batch."""
        with self.distribute_strategy.scope():
            self._symbolic_build(data_batch=specs)

    @property
    def builds_from_specs(self) -> bool:
        """Whether Keras is not to take a batch of the data to build with."""
        return False

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if not self.builds_from_specs:
            return super()._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)
        if iterator is not None:
            spec = iterator.data_adapter.get_tf_dataset().element_spec
            # The spec of one replica; this name is TensorFlow's.
            data_batch = tf.nest.map_structure(lambda part: getattr(part, "_value_specs", (part,))[0], spec)
        return self.build_from_specs(data_batch)


class AdamVariables(keras.optimizers.AdamW):
    """Keras' AdamW with plain names for what its `update_step` reads, and without its pass of weight decay."""

    def moments_of(self, variable: Any) -> tuple[keras.Variable, keras.Variable]:
        """The running means of a variable's gradient and of its square."""
        index = self._get_variable_index(variable)
        return self._momentums[index], self._velocities[index]

    def is_decayed(self, variable: Any) -> bool:
        """Whether `exclude_from_weight_decay` has not excluded the variable."""
        return self._use_weight_decay(variable)

    @property
    def schedule(self) -> Any:
        """The learning rate as it was set: a schedule, or the variable that Keras made of a number."""
        return self._learning_rate

    def set_schedule(self, schedule: Any) -> None:
        """Replaces the learning rate; a variable that it was stays among the optimizer's, as checkpoints have it."""
        self._learning_rate = schedule

    def _apply_weight_decay(self, variables):
        """Nothing: `update_step` decays each variable when it has it in hand."""


def layers_within(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """A layer, and all layers in it."""
    return list(layer._flatten_layers(include_self=True, recursive=True))


def leaves_gradients_unsummed(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes an optimizer take gradients as already summed over replicas: its own sum would follow its clipping.

    On one replica too: the sum there changes nothing, but it registers a gradient function that TensorFlow never
    forgets, and with it the graph of the train step and the model.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables
