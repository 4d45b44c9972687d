"""The train step that all task models share. B batch."""

import tensorflow as tf
from keras import tree

from tfbert.training.gradients import without_duplicates
from tfbert.training.replicas import Replicated, num_replicas, summed


class TrainStep(Replicated):
    """Mixin before `keras.Model`: one optimizer step on a batch, in `parts` of it.

    The batch is what the optimizer sees; parts only bound the memory, and replicas share the work. Each part's mean
    loss weighs as many examples as it has, so the sum of the parts' gradients is the whole batch's gradient.
    """

    accumulation = 1

    def train_step(self, data):
        x, y, sample_weight = data if len(data) == 3 else (*data, None)
        parts, examples = self.parts(x), summed(_rows(x) // self.rows_together(x))
        if num_replicas() > 1:  # a replica may have no row of a small batch
            loss, y_pred, gradients = self._accumulated(x, y, sample_weight)
            loss, gradients = summed((loss, gradients))
        elif isinstance(parts, int) or tf.executing_eagerly():
            step = self._gradients if parts == 1 else self._accumulated
            loss, y_pred, gradients = step(x, y, sample_weight)
        else:
            loss, y_pred, gradients = self._in_one_or_more(parts, x, y, sample_weight)
        self._loss_tracker.update_state(loss, sample_weight=examples)
        if not getattr(self.optimizer, "takes_sparse_gradients", False):
            # Keras' own optimizers square the rows of an IndexedSlices before they sum duplicates.
            gradients = dense_gradients(gradients)
        weights = self.trainable_weights
        if not self.optimizer.built:
            self.optimizer.build(weights)
        # A weight without a gradient is one that the task's outputs do not depend on, such as the pooler's.
        used = [(gradient, weight) for gradient, weight in zip(gradients, weights, strict=True) if gradient is not None]
        self.optimizer.apply(*map(list, zip(*used, strict=True)))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def evaluate_step(self, data):
        """One batch of evaluation: (running metrics, outputs)."""
        x, y, sample_weight = data if len(data) == 3 else (*data, None)
        y_pred = self(x, training=False)
        loss = self._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
        loss *= num_replicas()  # Keras divides it by them
        self._loss_tracker.update_state(loss, sample_weight=_rows(x) // self.rows_together(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight), y_pred

    def test_step(self, data):
        return self.evaluate_step(data)[0]

    def parts(self, x):
        """How many parts a batch is computed in: an int, or a tensor where it is each batch's own."""
        return self.accumulation

    def rows_together(self, x):
        """How many neighbouring rows of a batch the loss sees as one example; no part cuts them apart."""
        return 1

    def _gradients(self, x, y, sample_weight, share=1.0):
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            loss *= share * num_replicas()  # Keras divides it by them
            scaled = self.optimizer.scale_loss(loss)
        return loss, y_pred, tape.gradient(scaled, self.trainable_weights)

    def _accumulated(self, x, y, sample_weight):
        """As `_gradients`, in parts one after the other; every gradient is dense."""
        together = self.rows_together(x)
        size = _rows(x) // together
        examples = tf.cast(summed(size), tf.float32)
        parts = tf.minimum(self.parts(x), size)  # an empty part's mean would be 0 / 0
        weights, unused = self.trainable_weights, []

        def part(i, loss, outputs, total):
            begin, end = i * size // parts * together, (i + 1) * size // parts * together
            cut = tree.map_structure(lambda t: None if t is None else t[begin:end], (x, y, sample_weight))
            share = tf.cast((end - begin) // together, tf.float32) / examples
            more_loss, y_pred, gradients = self._gradients(*cut, share)
            unused[:] = [gradient is None for gradient in gradients]
            gradients = [tf.zeros_like(a) if g is None else g for a, g in zip(total, gradients, strict=True)]
            total = [a + g for a, g in zip(total, dense_gradients(gradients), strict=True)]
            return i + 1, loss + more_loss, outputs.write(i, y_pred), total

        shape = self.network.output.shape
        outputs = tf.TensorArray(tf.float32, parts, infer_shape=False, element_shape=shape)
        zeros = [tf.zeros(weight.shape, weight.dtype) for weight in weights]
        start = (0, tf.zeros([]), outputs, zeros)
        _, loss, outputs, total = tf.while_loop(lambda i, *_: i < parts, part, start, parallel_iterations=1)
        total = [None if none else gradient for none, gradient in zip(unused, total, strict=True)]
        return loss, tf.ensure_shape(outputs.concat(), shape), total

    def _in_one_or_more(self, parts, x, y, sample_weight):
        """`_gradients` of a batch in one part, which leaves the embeddings' gradients sparse, else `_accumulated`."""
        sparse = []

        def one():
            loss, y_pred, gradients = self._gradients(x, y, sample_weight)
            sparse[:] = [isinstance(gradient, tf.IndexedSlices) for gradient in gradients]
            return loss, y_pred, [as_slices(g) if s else g for s, g in zip(sparse, gradients, strict=True)]

        def more():
            loss, y_pred, gradients = self._accumulated(x, y, sample_weight)
            return loss, y_pred, [as_slices(g) if s else g for s, g in zip(sparse, gradients, strict=True)]

        return tf.cond(parts == 1, one, more)


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
