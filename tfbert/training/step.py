"""The step of a task: one batch of labelled examples, in one or more micro-batches.

Shapes: B texts of a batch, W their windows, R rows of a batch of features (W, or B where nothing is cut).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import tree

from tfbert.data.batching.batches import SAMPLE_WEIGHT
from tfbert.data.batching.static_shapes import IS_REAL
from tfbert.training.gradients import as_slices, dense_gradients
from tfbert.training.outputs import OutputsOfParts
from tfbert.training.replicas import num_replicas, summed

if TYPE_CHECKING:
    from tfbert.training.model import TrainedModel

_DRAWS = 1024  # of each dropout layer in a step on several replicas: more than micro-batches


class TaskStep:
    """Trains and evaluates a task's model on batches of (features, target).

    The optimizer sees the whole batch; micro-batches only bound the memory, and replicas share the work. Each
    micro-batch's mean loss is weighted by its number of terms, so that the sum of their gradients is the whole batch's.

    Args:
        model: a compiled `TrainedModel`.
        accumulation: micro-batches of a batch.
        loss_is_tasks: whether the loss is the task's own, which says how many terms it is the mean of.
    """

    def __init__(self, model: TrainedModel, *, accumulation: int = 1, loss_is_tasks: bool = True) -> None:
        self.model, self.accumulation, self.loss_is_tasks = model, accumulation, loss_is_tasks

    def train(self, data: Any) -> dict[str, tf.Tensor]:
        """One optimizer step on a batch; returns the running metrics."""
        model = self.model
        x, y, sample_weight = self._unpacked(data)
        micro_batches, total = self.micro_batches(x), summed(self.loss_denominator(x, y, padding_rows=False))
        seeds = seed_states(model) if num_replicas() > 1 else []
        before = [tf.identity(seed.value) for seed in seeds]
        if num_replicas() > 1:
            step = self.accumulated_gradients  # a replica may have no row of a small batch
            if model.jit_compile:  # XLA takes no step with sums over replicas in it
                step = tf.function(step, jit_compile=True, autograph=False)
            loss, y_pred, gradients = step(x, y, sample_weight, total)
            loss, gradients = summed((loss, gradients))
        elif isinstance(micro_batches, int) or tf.executing_eagerly():
            step = self.gradients if micro_batches == 1 else self.accumulated_gradients
            loss, y_pred, gradients = step(x, y, sample_weight, total)
        else:
            loss, y_pred, gradients = self._in_one_or_more(micro_batches, x, y, sample_weight, total)
        model.add_to_running_loss(loss, total)
        if not getattr(model.optimizer, "takes_sparse_gradients", False):
            # Keras' own optimizers square the rows of an IndexedSlices before they sum duplicates.
            gradients = dense_gradients(gradients)
        weights = model.trainable_weights
        # A weight without a gradient is one that the task's outputs do not depend on, such as the pooler's.
        used = [(gradient, weight) for gradient, weight in zip(gradients, weights, strict=True) if gradient is not None]
        model.optimizer.apply(*map(list, zip(*used, strict=True)))
        for seed, value in zip(seeds, before, strict=True):
            # A replica with fewer micro-batches has drawn fewer masks. A checkpoint holds one state for all replicas.
            seed.assign(value + tf.constant([0, _DRAWS], value.dtype))
        return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def evaluate(self, data: Any) -> tuple[dict[str, tf.Tensor], Any]:
        """The running metrics and the outputs of a batch."""
        model = self.model
        x, y, sample_weight = self._unpacked(data)
        y_pred = model(x, training=False)
        loss = model.mean_loss(x, y, y_pred, sample_weight, training=False)
        terms, total = self.loss_denominator(x, y), self.loss_denominator(x, y, padding_rows=False)
        # Of no rows, as a replica may have, or of padding rows alone, the mean is 0 / 0; Keras divides it by replicas.
        loss = tf.where(total > 0, loss * num_replicas() * tf.math.divide_no_nan(terms, total), 0.0)
        model.add_to_running_loss(loss, total)
        return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight), y_pred

    # how a batch is cut

    def micro_batches(self, x: dict[str, tf.Tensor]) -> int | tf.Tensor:
        """How many micro-batches a batch is computed in: an int, or a tensor where it is each batch's own.

        Of long texts more than `accumulation`: a micro-batch has at most twice as many windows as it has texts.
        """
        if not self.model.task.reads_windows or "rows" not in x or is_static(x):
            return self.accumulation
        windows, texts = tf.shape(x["rows"])[0], _texts(x)
        return tf.maximum(self.accumulation, -(-windows * self.accumulation // (2 * texts)))

    def rows_together(self, x: dict[str, tf.Tensor]) -> int | tf.Tensor:
        """How many neighbouring rows are one example of the loss, which no micro-batch cuts apart.

        A window stands alone; of an example's several texts all go together, equally many of each.
        """
        if self.model.task.reads_windows or "rows" not in x:
            return 1
        return tf.maximum(1, tf.shape(x["rows"])[0] // _texts(x))

    # what the loss is the mean of

    def loss_denominator(self, x: dict[str, tf.Tensor], y: Any, *, padding_rows: bool = True) -> tf.Tensor:
        """How many terms the mean loss of a batch, or of a part of it, is divided by, float32.

        Args:
            padding_rows: whether to count the rows that only fill up a batch of static shape.
        """
        terms = self._terms_of_task(y)
        if terms is not None:
            return terms
        if is_static(x) and not padding_rows:
            return tf.reduce_sum(x[IS_REAL])
        return tf.cast(_rows(x) // self.rows_together(x), tf.float32)

    def _terms_of_task(self, y):
        return self.model.task.loss_terms(y) if self.loss_is_tasks else None

    def _unpacked(self, data):
        x, y, *weights = data
        check_features(x)
        weights.append(x.get(SAMPLE_WEIGHT))
        if is_static(x) and self._terms_of_task(y) is None:  # else padding rows have no terms
            weights.append(x[IS_REAL])
        weights = [weight for weight in weights if weight is not None]
        return x, y, math.prod(weights) if weights else None

    # gradients

    def gradients(self, x: Any, y: Any, sample_weight: Any, total: Any) -> tuple[tf.Tensor, Any, list]:
        """A micro-batch's share in the mean loss of a batch of `total` terms, its outputs and its gradients."""
        model = self.model
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = model.mean_loss(x, y, y_pred, sample_weight, training=True)
            # Keras divides it by the replicas.
            loss *= tf.math.divide_no_nan(self.loss_denominator(x, y), total) * num_replicas()
            scaled = model.optimizer.scale_loss(loss)
        return loss, y_pred, tape.gradient(scaled, model.trainable_weights)

    def accumulated_gradients(self, x: Any, y: Any, sample_weight: Any, total: Any) -> tuple[tf.Tensor, Any, list]:
        """As `gradients`, of a batch in micro-batches one after the other; every gradient is dense."""
        cut, micro_batches = self._cut(x, y, sample_weight)
        weights, unused = self.model.trainable_weights, []

        def add(i, loss, outputs, sums):
            more_loss, y_pred, gradients = self.gradients(*cut(i), total)
            unused[:] = [gradient is None for gradient in gradients]
            gradients = [tf.zeros_like(a) if g is None else g for a, g in zip(sums, gradients, strict=True)]
            sums = [a + g for a, g in zip(sums, dense_gradients(gradients), strict=True)]
            return i + 1, loss + more_loss, of_parts.with_part(outputs, i, y_pred), sums

        of_parts = OutputsOfParts(self.model.task, self.model.network)
        zeros = [tf.zeros(weight.shape, weight.dtype) for weight in weights]
        start = (0, tf.zeros([]), of_parts.empty(micro_batches), zeros)
        _, loss, outputs, sums = tf.while_loop(lambda i, *_: i < micro_batches, add, start, parallel_iterations=1)
        sums = [None if none else gradient for none, gradient in zip(unused, sums, strict=True)]
        return loss, of_parts.joined(outputs), sums

    def _cut(self, *data) -> tuple[Callable, int | tf.Tensor]:
        """A function of i: the i-th micro-batch of x, y and sample_weight; and how many there are."""
        x = data[0]
        if is_static(x):  # XLA takes equal parts alone
            count = self.micro_batches(x)
            equal = tree.map_structure(
                lambda t: None if t is None else tf.reshape(t, [count, t.shape[0] // count, *t.shape[1:]]), data
            )
            return lambda i: tree.map_structure(lambda t: None if t is None else t[i], equal), count
        together = self.rows_together(x)
        size = _rows(x) // together
        count = tf.minimum(self.micro_batches(x), size)  # the mean of an empty one would be 0 / 0

        def micro_batch(i):
            begin, end = i * size // count * together, (i + 1) * size // count * together
            return tree.map_structure(lambda t: None if t is None else t[begin:end], data)

        return micro_batch, count

    def _in_one_or_more(self, micro_batches, x, y, sample_weight, total):
        """`gradients` of a batch in one piece, which leaves the embeddings' gradients sparse, or in micro-batches."""
        sparse = []

        def one():
            loss, y_pred, gradients = self.gradients(x, y, sample_weight, total)
            sparse[:] = [isinstance(gradient, tf.IndexedSlices) for gradient in gradients]
            return loss, y_pred, [as_slices(g) if s else g for s, g in zip(sparse, gradients, strict=True)]

        def more():
            loss, y_pred, gradients = self.accumulated_gradients(x, y, sample_weight, total)
            return loss, y_pred, [as_slices(g) if s else g for s, g in zip(sparse, gradients, strict=True)]

        return tf.cond(micro_batches == 1, one, more)


def seed_states(model: TrainedModel) -> list[keras.Variable]:
    """The variables that a model's dropout draws its masks from."""
    weights = {id(variable) for variable in model.network.non_trainable_weights}
    return [variable for variable in model.network.non_trainable_variables if id(variable) not in weights]


def check_features(x: Any) -> None:
    """Raises TypeError for strings where Keras passes on what it is given, as its `train_on_batch` does."""
    if not isinstance(x, dict):
        raise TypeError(
            f"a call, train_on_batch, test_on_batch and predict_on_batch take features, as model.task.features makes "
            f"them of a dict of strings, not {type(x).__name__}; fit, evaluate and predict take strings"
        )


def is_static(x: dict[str, tf.Tensor]) -> bool:
    """Whether a batch of features is of a static shape, with padding rows."""
    return IS_REAL in x


def _rows(x):
    return tf.shape(tree.flatten(x)[0])[0]


def _texts(x):
    """How many texts the windows of a batch are from; 1 where there are none, as on a replica without a row."""
    rows = x["rows"]  # in order, and of a part of a batch not from 0
    return tf.where(tf.size(rows) > 0, tf.reduce_max(rows) - tf.reduce_min(rows) + 1, 1)
