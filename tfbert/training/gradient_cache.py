"""The step of a loss that needs a whole batch's outputs at once, in bounded memory. R rows of the batch."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import tree

from tfbert.training.gradients import dense_gradients
from tfbert.training.replicas import num_replicas, summed
from tfbert.training.step import TaskStep, seed_states


class CachedGradients(TaskStep):
    """A `TaskStep` whose micro-batches give the gradient of a loss over all of the batch, such as in-batch negatives.

    First the outputs of all micro-batches without a tape; then the loss' gradient for the outputs; then each
    micro-batch once more, to carry its share of that gradient to the weights. Both times dropout draws the same masks.
    They run one after the other, each with the memory of its own activations alone. Source: Gao et al. 2021
    (GradCache), section 3.2.
    """

    def accumulated_gradients(self, x: Any, y: Any, sample_weight: Any, total: Any) -> tuple[tf.Tensor, Any, list]:
        """One batch: (loss, outputs [R, ...], gradients).

        On several replicas the loss sees the outputs of all. What is returned is one replica's share: its sums over
        replicas are the batch's loss and gradients.
        """
        model, count, together = self.model, self.accumulation, self.rows_together(x)
        if count == 1:
            with tf.GradientTape() as tape:
                outputs = model(x, training=True)
            loss, of_outputs = _loss_and_gradient(model, x, y, outputs, sample_weight)
            gradients = tape.gradient(outputs, model.trainable_weights, output_gradients=of_outputs)
            return loss, outputs, dense_gradients(gradients)
        size = tf.shape(tree.flatten(x)[0])[0] // together
        bounds = [i * size // count * together for i in range(count + 1)]

        def micro_batch(i):
            return tree.map_structure(lambda t: t[bounds[i] : bounds[i + 1]], x)

        seeds = seed_states(model)
        before = [tf.identity(seed.value) for seed in seeds]
        outputs = []
        for i in range(count):
            with tf.control_dependencies(outputs[-1:]):
                outputs.append(model(micro_batch(i), training=True))
        joined = tf.concat(outputs, 0)
        loss, of_outputs = _loss_and_gradient(model, x, y, joined, sample_weight)

        for seed, value in zip(seeds, before, strict=True):
            seed.assign(value)
        total, done = None, [of_outputs]
        for i in range(count):
            with tf.control_dependencies(done):
                with tf.GradientTape() as tape:
                    output = model(micro_batch(i), training=True)
                share = of_outputs[bounds[i] : bounds[i + 1]]
                gradients = dense_gradients(tape.gradient(output, model.trainable_weights, output_gradients=share))
            if total is None:
                total = gradients
            else:
                total = [a if a is None else a + b for a, b in zip(total, gradients, strict=True)]
            done = [gradient for gradient in total if gradient is not None]
        return loss, joined, total


def _loss_and_gradient(model, x, y, outputs, sample_weight):
    """This replica's share of the batch's loss, and the loss' gradient for its own outputs [R, ...]."""
    replicas = num_replicas()
    begin, size = 0, tf.shape(outputs)[0]
    if replicas > 1:
        own = tf.distribute.get_replica_context().replica_id_in_sync_group
        sizes = summed(tf.one_hot(own, replicas, size, 0, dtype=tf.int32))
        begin, after = tf.reduce_sum(sizes[:own]), tf.reduce_sum(sizes[own + 1 :])

        def of_all(values):  # a sum: not every strategy gathers
            return summed(tf.pad(values, [[begin, after], *[[0, 0]] * (len(values.shape) - 1)]))

        y, outputs, sample_weight = (None if part is None else of_all(part) for part in (y, outputs, sample_weight))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = model.mean_loss(x, y, outputs, sample_weight, training=True)
        loss *= replicas  # Keras divides it by them
        scaled = model.optimizer.scale_loss(loss)
    return loss / replicas, tape.gradient(scaled, outputs)[begin : begin + size]
