"""The train step that all task models share. B batch."""

import math

import tensorflow as tf
from keras import tree

from tfbert.data.batching.batches import SAMPLE_WEIGHT
from tfbert.data.batching.static_shapes import IS_REAL
from tfbert.training.gradients import without_duplicates
from tfbert.training.outputs import OutputsOfParts
from tfbert.training.replicas import Replicated, num_replicas, summed


class TrainStep(Replicated):
    """Mixin before `keras.Model`: one optimizer step on a batch, in `parts` of it.

    The batch is what the optimizer sees; parts only bound the memory, and replicas share the work. Each part's mean
    loss weighs as many terms as it is the mean of, so the sum of the parts' gradients is the whole batch's gradient.
    """

    accumulation = 1

    def make_train_function(self, force=False):
        if not self.optimizer.built:  # A step that makes variables would be traced twice, and they one by one in it.
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_weights)
        super().make_train_function(force)

    def train_step(self, data):
        x, y, sample_weight = self._unpacked(data)
        parts, total = self.parts(x), summed(self.real_terms(x, y))
        if num_replicas() > 1:
            step = self._accumulated  # a replica may have no row of a small batch
            if self.jit_compile:  # XLA takes no step with sums over replicas in it
                step = tf.function(step, jit_compile=True, autograph=False)
            loss, y_pred, gradients = step(x, y, sample_weight, total)
            loss, gradients = summed((loss, gradients))
        elif isinstance(parts, int) or tf.executing_eagerly():
            step = self._gradients if parts == 1 else self._accumulated
            loss, y_pred, gradients = step(x, y, sample_weight, total)
        else:
            loss, y_pred, gradients = self._in_one_or_more(parts, x, y, sample_weight, total)
        self._loss_tracker.update_state(loss, sample_weight=total)
        if not getattr(self.optimizer, "takes_sparse_gradients", False):
            # Keras' own optimizers square the rows of an IndexedSlices before they sum duplicates.
            gradients = dense_gradients(gradients)
        weights = self.trainable_weights
        # A weight without a gradient is one that the task's outputs do not depend on, such as the pooler's.
        used = [(gradient, weight) for gradient, weight in zip(gradients, weights, strict=True) if gradient is not None]
        self.optimizer.apply(*map(list, zip(*used, strict=True)))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def evaluate_step(self, data):
        """One batch of evaluation: (running metrics, outputs)."""
        x, y, sample_weight = self._unpacked(data)
        y_pred = self(x, training=False)
        loss = self._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
        terms, total = self.terms(x, y), self.real_terms(x, y)
        # Of no rows, as a replica may have, or of fillers alone, the mean is 0 / 0; Keras divides it by the replicas.
        loss = tf.where(total > 0, loss * num_replicas() * tf.math.divide_no_nan(terms, total), 0.0)
        self._loss_tracker.update_state(loss, sample_weight=total)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight), y_pred

    def test_step(self, data):
        return self.evaluate_step(data)[0]

    def parts(self, x):
        """How many parts a batch is computed in: an int, or a tensor where it is each batch's own."""
        return self.accumulation

    def rows_together(self, x):
        """How many neighbouring rows of a batch the loss sees as one example; no part cuts them apart."""
        return 1

    def terms(self, x, y):
        """How many terms the loss of a batch, or of a part of it, is the mean of, float32."""
        return tf.cast(_rows(x) // self.rows_together(x), tf.float32)

    def real_terms(self, x, y):
        """The same without rows that only fill up a batch of static shape."""
        return tf.reduce_sum(x[IS_REAL]) if is_static(x) else self.terms(x, y)

    def filler_weights(self, x, y):
        """Of a batch of static shape the weights of its rows in the loss, 0 of those that fill it up."""
        return x[IS_REAL]

    def _unpacked(self, data):
        x, y, *weights = data
        check_features(x)
        weights.append(x.get(SAMPLE_WEIGHT))
        if is_static(x):
            weights.append(self.filler_weights(x, y))
        weights = [weight for weight in weights if weight is not None]
        return x, y, math.prod(weights) if weights else None

    def _gradients(self, x, y, sample_weight, total):
        """The share of a part in the mean loss of a batch of `total` terms, its outputs and its gradients."""
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            loss *= tf.math.divide_no_nan(self.terms(x, y), total) * num_replicas()  # Keras divides it by them
            scaled = self.optimizer.scale_loss(loss)
        return loss, y_pred, tape.gradient(scaled, self.trainable_weights)

    def _accumulated(self, x, y, sample_weight, total):
        """As `_gradients`, in parts one after the other; every gradient is dense."""
        cut, parts = self._cut(x, y, sample_weight)
        weights, unused = self.trainable_weights, []

        def part(i, loss, outputs, sums):
            more_loss, y_pred, gradients = self._gradients(*cut(i), total)
            unused[:] = [gradient is None for gradient in gradients]
            gradients = [tf.zeros_like(a) if g is None else g for a, g in zip(sums, gradients, strict=True)]
            sums = [a + g for a, g in zip(sums, dense_gradients(gradients), strict=True)]
            return i + 1, loss + more_loss, of_parts.with_part(outputs, i, y_pred), sums

        of_parts = OutputsOfParts(self.task, self.network)
        zeros = [tf.zeros(weight.shape, weight.dtype) for weight in weights]
        start = (0, tf.zeros([]), of_parts.empty(parts), zeros)
        _, loss, outputs, sums = tf.while_loop(lambda i, *_: i < parts, part, start, parallel_iterations=1)
        sums = [None if none else gradient for none, gradient in zip(unused, sums, strict=True)]
        return loss, of_parts.joined(outputs), sums

    def _cut(self, *data):
        """A function of i: the i-th part of x, y and sample_weight; and how many there are."""
        x = data[0]
        if is_static(x):  # XLA takes equal parts alone
            parts = self.parts(x)
            in_parts = tree.map_structure(
                lambda t: None if t is None else tf.reshape(t, [parts, t.shape[0] // parts, *t.shape[1:]]), data
            )
            return lambda i: tree.map_structure(lambda t: None if t is None else t[i], in_parts), parts
        together = self.rows_together(x)
        size = _rows(x) // together
        parts = tf.minimum(self.parts(x), size)  # an empty part's mean would be 0 / 0

        def part(i):
            begin, end = i * size // parts * together, (i + 1) * size // parts * together
            return tree.map_structure(lambda t: None if t is None else t[begin:end], data)

        return part, parts

    def _in_one_or_more(self, parts, x, y, sample_weight, total):
        """`_gradients` of a batch in one part, which leaves the embeddings' gradients sparse, else `_accumulated`."""
        sparse = []

        def one():
            loss, y_pred, gradients = self._gradients(x, y, sample_weight, total)
            sparse[:] = [isinstance(gradient, tf.IndexedSlices) for gradient in gradients]
            return loss, y_pred, [as_slices(g) if s else g for s, g in zip(sparse, gradients, strict=True)]

        def more():
            loss, y_pred, gradients = self._accumulated(x, y, sample_weight, total)
            return loss, y_pred, [as_slices(g) if s else g for s, g in zip(sparse, gradients, strict=True)]

        return tf.cond(parts == 1, one, more)


def check_features(x):
    """Raises TypeError for strings where Keras passes on what it is given, as its `train_on_batch` does."""
    if not isinstance(x, dict):
        raise TypeError(
            f"a call, train_on_batch, test_on_batch and predict_on_batch take features, as model.task.features makes "
            f"them of a dict of strings, not {type(x).__name__}; fit, evaluate and predict take strings"
        )


def is_static(x):
    """Whether a batch is one of `Batches` of static shapes."""
    return IS_REAL in x


def dense_gradients(gradients):
    """Each gradient as one tensor; None of a weight that the outputs do not depend on, such as an unused pooler."""
    return [g if g is None else tf.convert_to_tensor(without_duplicates(g)) for g in gradients]


def as_slices(gradient):
    """A gradient as IndexedSlices of int32 ids and known shape, as the branches of a `tf.cond` must agree on."""
    if isinstance(gradient, tf.IndexedSlices):
        shape = gradient.dense_shape
        return tf.IndexedSlices(gradient.values, tf.cast(gradient.indices, tf.int32), tf.cast(shape, tf.int32))
    shape = tf.shape(gradient)
    return tf.IndexedSlices(gradient, tf.range(shape[0]), shape)


def _rows(x):
    return tf.shape(tree.flatten(x)[0])[0]
