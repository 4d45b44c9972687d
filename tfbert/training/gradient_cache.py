"""The gradient of a loss that needs a whole batch's outputs at once, in bounded memory. R rows of the batch."""

import tensorflow as tf
from keras import tree

from tfbert.training.train_step import dense_gradients


def cached_gradients(model, x, y, sample_weight, together):
    """One batch in `model.accumulation` parts: (loss, outputs [R, ...], gradients), those of the whole batch.

    First all parts' outputs without a tape; then the loss' gradient for the outputs; then each part once more, to
    carry its share of that gradient to the weights. Both times dropout draws the same masks. The parts run one after
    the other, each with the memory of its own activations alone. Source: Gao et al. 2021 (GradCache), section 3.2.

    Args:
        together: neighbouring rows that no part cuts apart.
    """
    parts, size = model.accumulation, tf.shape(tree.flatten(x)[0])[0] // together
    bounds = [i * size // parts * together for i in range(parts + 1)]

    def part(i):
        return tree.map_structure(lambda t: t[bounds[i] : bounds[i + 1]], x)

    seeds = seed_states(model)
    before = [tf.identity(seed.value) for seed in seeds]
    outputs = []
    for i in range(parts):
        with tf.control_dependencies(outputs[-1:]):
            outputs.append(model(part(i), training=True))
    joined = tf.concat(outputs, 0)
    with tf.GradientTape() as tape:
        tape.watch(joined)
        loss = model._compute_loss(x=x, y=y, y_pred=joined, sample_weight=sample_weight, training=True)
        scaled = model.optimizer.scale_loss(loss)
    of_outputs = tape.gradient(scaled, joined)

    for seed, value in zip(seeds, before, strict=True):
        seed.assign(value)
    total, done = None, [of_outputs]
    for i in range(parts):
        with tf.control_dependencies(done):
            with tf.GradientTape() as tape:
                output = model(part(i), training=True)
            share = of_outputs[bounds[i] : bounds[i + 1]]
            gradients = dense_gradients(tape.gradient(output, model.trainable_weights, output_gradients=share))
        if total is None:
            total = gradients
        else:
            total = [a if a is None else a + b for a, b in zip(total, gradients, strict=True)]
        done = [gradient for gradient in total if gradient is not None]
    return loss, joined, total


def seed_states(model):
    """The variables that a model's dropout draws its masks from."""
    weights = {id(variable) for variable in model.network.non_trainable_weights}
    return [variable for variable in model.network.non_trainable_variables if id(variable) not in weights]
