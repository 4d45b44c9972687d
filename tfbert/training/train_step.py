"""The train step that all task models share. B batch."""

import tensorflow as tf
from keras import tree

from tfbert.training.gradients import without_duplicates


class TrainStep:
    """Mixin before `keras.Model`: one optimizer step on a batch, in `accumulation` parts of it.

    The batch is what the optimizer sees; accumulation only bounds the memory. Each part's mean loss weighs
    as many examples as it has, so the sum of the parts' gradients is the whole batch's gradient.
    """

    accumulation = 1

    def train_step(self, data):
        x, y, sample_weight = data if len(data) == 3 else (*data, None)
        if self.accumulation == 1:
            loss, y_pred, gradients = self._gradients(x, y, sample_weight, 1.0)
        else:
            loss, y_pred, gradients = self._accumulated(x, y, sample_weight)
        self._loss_tracker.update_state(loss, sample_weight=_rows(x) // self.rows_together(x))
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
        self._loss_tracker.update_state(loss, sample_weight=_rows(x) // self.rows_together(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight), y_pred

    def test_step(self, data):
        return self.evaluate_step(data)[0]

    def _gradients(self, x, y, sample_weight, share):
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = share * self._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        return loss, y_pred, tape.gradient(scaled, self.trainable_weights)

    def rows_together(self, x):
        """How many neighbouring rows of a batch the loss sees as one example; no part cuts them apart."""
        return 1

    def _accumulated(self, x, y, sample_weight):
        together, parts = self.rows_together(x), self.accumulation
        size = _rows(x) // together

        def part(i):
            begin, end = i * size // parts * together, (i + 1) * size // parts * together
            cut = tree.map_structure(lambda t: None if t is None else t[begin:end], (x, y, sample_weight))
            share = tf.cast(end - begin, tf.float32) / tf.cast(size * together, tf.float32)
            loss, y_pred, gradients = self._gradients(*cut, share)
            return loss, y_pred, dense_gradients(gradients)

        # A batch smaller than `parts` has empty parts, whose mean would be 0 / 0: it goes in one.
        def in_parts():
            loss, y_pred, total = part(0)
            predictions = [y_pred]
            for i in range(1, parts):
                more_loss, y_pred, gradients = part(i)
                loss += more_loss
                predictions.append(y_pred)
                total = [a if a is None else a + b for a, b in zip(total, gradients, strict=True)]
            joined = tree.map_structure(lambda *outputs: tf.concat(outputs, 0), *predictions)
            return loss, joined, total

        def whole():
            loss, y_pred, gradients = self._gradients(x, y, sample_weight, 1.0)
            return loss, y_pred, dense_gradients(gradients)

        return tf.cond(size >= parts, in_parts, whole)


def dense_gradients(gradients):
    """Each gradient as one tensor; None of a weight that the outputs do not depend on, such as an unused pooler."""
    return [g if g is None else tf.convert_to_tensor(without_duplicates(g)) for g in gradients]


def _rows(x):
    return tf.shape(tree.flatten(x)[0])[0]
