"""The step of pretraining: one batch of masked rows, in one or more equal micro-batches.

Shapes: B rows, P predictions of a row, C sequences of a packed row, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfbert.training.gradients import dense_gradients
from tfbert.training.replicas import num_replicas, summed

if TYPE_CHECKING:
    from tfbert.training.model import TrainedModel

Rows = dict[str, tf.Tensor]  # of PretrainingBatches
Sums = dict[str, tf.Tensor]  # {metric: float32 [2], the sum of its terms and that of their weights}

_INPUTS = (
    *("token_ids", "segment_ids", "padding_mask", "position_ids", "sequence_ids"),
    *("masked_positions", "pair_positions"),
)


class MaskedRowsStep:
    """Trains and evaluates a masked language model, and its next-sentence head where the rows have pairs.

    The loss is the mean over all predictions of a batch plus the mean over all its pairs, whatever the number of
    micro-batches and replicas that compute it.

    Args:
        model: a compiled `TrainedModel` whose network has the outputs token_logits and, where there is a next-sentence
            head, pair_logits.
        means: the running means to update, by the names in `Sums`, and gradient_norm.
        accumulation: micro-batches of a batch, which they divide.
    """

    def __init__(self, model: TrainedModel, means: dict[str, keras.metrics.Mean], *, accumulation: int = 1) -> None:
        self.model, self.means, self.accumulation = model, means, accumulation

    def train(self, data: Rows) -> dict[str, tf.Tensor]:
        """One optimizer step on a batch; returns the running metrics."""
        model = self.model
        totals = self._totals(data)
        step = self._gradients if self.accumulation == 1 else self._accumulated
        if model.jit_compile and num_replicas() > 1:  # XLA takes no step with sums over replicas in it
            step = tf.function(step, jit_compile=True, autograph=False)
        sums, total = summed(step(data, totals))
        weights = model.trainable_weights
        # A weight without a gradient is one that the outputs do not depend on, such as the pooler without pairs.
        used = [(gradient, weight) for gradient, weight in zip(total, weights, strict=True) if gradient is not None]
        gradients, weights = map(list, zip(*used, strict=True))
        norm = tf.linalg.global_norm(gradients) / model.optimizer.scale_loss(1.0)
        counted = tf.ones([])
        if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):  # which skips a step that is not finite
            counted = tf.cast(tf.math.is_finite(norm), tf.float32)
            norm = tf.where(counted > 0, norm, 0.0)
        self.means["gradient_norm"].update_state(norm, sample_weight=counted)
        model.optimizer.apply(gradients, weights)
        return {**self._running(sums), "gradient_norm": self.means["gradient_norm"].result()}

    def evaluate(self, data: Rows) -> tuple[dict[str, tf.Tensor], Any]:
        """The running metrics and the outputs of a batch."""
        _, sums, outputs = self._loss_sums_and_outputs(data, self._totals(data), training=False)
        return self._running(summed(sums)), outputs

    # what a kind of pretraining decides

    def loss_weights(self) -> dict[str, float]:
        """{kind of loss: its weight}; the mean of each is the metric `{kind}_loss`."""
        return {"mlm": 1.0, "nsp": 1.0}

    def denominators(self, data: Rows) -> dict[str, tf.Tensor]:
        """{kind of loss: the weights of its terms in these rows}, of the kinds that the rows have."""
        found = {"mlm": tf.reduce_sum(data["masked_weights"])}
        if "nsp_loss" in self.means and "pair_labels" in data:
            found["nsp"] = tf.reduce_sum(data["pair_weights"])
        return found

    def sums_and_outputs(self, data: Rows, training: bool) -> tuple[Sums, Any]:
        """The sums of all metrics over these rows, and the outputs."""
        outputs = self.model(encoder_inputs(data), training=training)
        sums = sums_of_predictions(outputs["token_logits"], data["masked_ids"], data["masked_weights"], "mlm")
        if "pair_logits" in outputs and "pair_labels" in data:
            sums |= sums_of_predictions(outputs["pair_logits"], data["pair_labels"], data["pair_weights"], "nsp")
        return sums, outputs

    # how a batch is computed

    def _totals(self, data):
        """The denominators of the batch, on all replicas."""
        return {kind: tf.maximum(total, 1.0) for kind, total in summed(self.denominators(data)).items()}

    def _gradients(self, rows, totals):
        with tf.GradientTape() as tape:
            loss, sums, _ = self._loss_sums_and_outputs(rows, totals, training=True)
            scaled = self.model.optimizer.scale_loss(loss)
        return sums, dense_gradients(tape.gradient(scaled, self.model.trainable_weights))

    def _accumulated(self, data, totals):
        """The same in micro-batches, by a loop of the graph: a batch may have hundreds of them."""
        count, size = self.accumulation, next(iter(data.values())).shape[0]
        if size is not None and size % count:
            raise ValueError(f"a batch of {size} rows does not divide into {count} equal parts; see accumulation")
        rows = -1 if size is None else size // count  # data shared out among hosts has no static size
        equal = {name: tf.reshape(value, [count, rows, *value.shape[1:]]) for name, value in data.items()}
        unused = set()

        def add(i, sums, total):
            found, gradients = self._gradients({name: value[i] for name, value in equal.items()}, totals)
            unused.update(k for k, gradient in enumerate(gradients) if gradient is None)
            total = [a if b is None else a + b for a, b in zip(total, gradients, strict=True)]
            return i + 1, {name: sums[name] + value for name, value in found.items()}, total

        sums = {name: tf.zeros([2]) for name in self.means if name.partition("_")[0] in totals}
        total = [tf.zeros(weight.shape, weight.dtype) for weight in self.model.trainable_weights]
        _, sums, total = tf.while_loop(lambda i, *_: i < count, add, (0, sums, total), parallel_iterations=1)
        return sums, [None if k in unused else gradient for k, gradient in enumerate(total)]

    def _loss_sums_and_outputs(self, data, totals, training):
        """What rows add to the loss of their batch, their sums, and the outputs."""
        sums, outputs = self.sums_and_outputs(data, training)
        loss = self._weighted({kind: sums[f"{kind}_loss"][0] / total for kind, total in totals.items()})
        return loss, sums, outputs

    def _running(self, sums):
        """The running means after a batch's sums, and the loss that they add up to."""
        found = {}
        for name, mean in self.means.items():
            if name in sums:
                value, weight = tf.unstack(sums[name])
                mean.update_state(value / tf.maximum(weight, 1.0), sample_weight=weight)
                found[name] = mean.result()
        losses = {name.removesuffix("_loss"): value for name, value in found.items() if name.endswith("_loss")}
        return {"loss": self._weighted(losses), **found}

    def _weighted(self, losses):
        weights = self.loss_weights()
        return sum(loss if weights[kind] == 1 else weights[kind] * loss for kind, loss in losses.items())


def encoder_inputs(data: Rows) -> dict[str, tf.Tensor]:
    """Those of the rows that the networks of pretraining read."""
    return {name: data[name] for name in _INPUTS if name in data}


def mean_sums(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """float32 [2]: the sum of values by their weights, and that of the weights."""
    return tf.stack([tf.reduce_sum(values * weights), tf.reduce_sum(weights)])


def sums_of_predictions(logits: tf.Tensor, truth: tf.Tensor, weights: tf.Tensor, kind: str) -> Sums:
    """Sums over predictions of their losses and of those that are right."""
    logits = tf.reshape(logits, [-1, logits.shape[-1]])
    truth, weights = tf.reshape(truth, [-1]), tf.reshape(weights, [-1])
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits)
    right = tf.cast(tf.argmax(logits, -1, output_type=truth.dtype) == truth, tf.float32)
    return {f"{kind}_loss": mean_sums(losses, weights), f"{kind}_accuracy": mean_sums(right, weights)}
