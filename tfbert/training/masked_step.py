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
Sums = dict[str, tf.Tensor]  # of losses, of right predictions and of weights, for "mlm" and "nsp"

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
        means: the running means to update: mlm_loss, mlm_accuracy, maybe nsp_loss and nsp_accuracy, gradient_norm.
        accumulation: micro-batches of a batch, which they divide.
    """

    def __init__(self, model: TrainedModel, means: dict[str, keras.metrics.Mean], *, accumulation: int = 1) -> None:
        self.model, self.means, self.accumulation = model, means, accumulation

    def train(self, data: Rows) -> dict[str, tf.Tensor]:
        """One optimizer step on a batch; returns the running metrics."""
        model = self.model
        totals = _totals(data)
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
        _, sums, outputs = self._loss_sums_and_outputs(data, _totals(data), training=False)
        return self._running(summed(sums)), outputs

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

        prefixes = ("mlm", "nsp") if "nsp_loss" in self.means and "pair_labels" in data else ("mlm",)
        sums = {f"{prefix}_{name}": tf.zeros([]) for prefix in prefixes for name in ("loss", "accuracy", "weight")}
        total = [tf.zeros(weight.shape, weight.dtype) for weight in self.model.trainable_weights]
        _, sums, total = tf.while_loop(lambda i, *_: i < count, add, (0, sums, total), parallel_iterations=1)
        return sums, [None if k in unused else gradient for k, gradient in enumerate(total)]

    def _loss_sums_and_outputs(self, data, totals, training):
        """What rows add to the loss of their batch, sums over their predictions and pairs, and the outputs."""
        outputs = self.model({name: data[name] for name in _INPUTS if name in data}, training=training)
        sums = _sums(outputs["token_logits"], data["masked_ids"], data["masked_weights"], "mlm")
        loss = sums["mlm_loss"] / totals[0]
        if "pair_logits" in outputs and "pair_labels" in data:
            sums.update(_sums(outputs["pair_logits"], data["pair_labels"], data["pair_weights"], "nsp"))
            loss += sums["nsp_loss"] / totals[1]
        return loss, sums, outputs

    def _running(self, sums):
        """The running means after a batch's sums, and the loss that they add up to."""
        found = {}
        for name, mean in self.means.items():
            if name in sums:
                weight = sums[f"{name[:3]}_weight"]
                mean.update_state(sums[name] / tf.maximum(weight, 1.0), sample_weight=weight)
                found[name] = mean.result()
        return {"loss": found["mlm_loss"] + found.get("nsp_loss", 0.0), **found}


def _totals(data):
    """The weights of all predictions and of all pairs of the batch, on all replicas."""
    totals = [tf.reduce_sum(data[name]) for name in ("masked_weights", "pair_weights") if name in data]
    return [tf.maximum(total, 1.0) for total in summed(totals)]


def _sums(logits, truth, weights, prefix) -> Sums:
    """Sums over predictions of their losses, of those that are right, and of their weights."""
    logits = tf.reshape(logits, [-1, logits.shape[-1]])
    truth, weights = tf.reshape(truth, [-1]), tf.reshape(weights, [-1])
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits)
    right = tf.cast(tf.argmax(logits, -1, output_type=truth.dtype) == truth, tf.float32)
    return {
        f"{prefix}_loss": tf.reduce_sum(losses * weights),
        f"{prefix}_accuracy": tf.reduce_sum(right * weights),
        f"{prefix}_weight": tf.reduce_sum(weights),
    }
