"""Pretrainer: BERT's pretraining as a Keras model. B rows, P predictions of a row, C sequences of a packed row."""

import keras
import tensorflow as tf

from tfbert.data.pretraining.batches import PretrainingBatches
from tfbert.models.task_model import TaskModel
from tfbert.tasks.fill_mask.task import FillMask
from tfbert.training.replicas import num_replicas, summed
from tfbert.training.step import dense_gradients

_INPUTS = (
    *("token_ids", "segment_ids", "padding_mask", "position_ids", "sequence_ids"),
    *("masked_positions", "pair_positions"),
)


@keras.saving.register_keras_serializable("tfbert")
class Pretrainer(TaskModel):
    """Learns from masked rows of tokens; `predict` fills in the masks of texts.

    `fit` and `evaluate` take `PretrainingBatches`, or a `tf.data.Dataset` of what these give: dicts of token_ids,
    segment_ids, padding_mask int [B, S], masked_positions and masked_ids int [B, P], masked_weights float [B, P], and
    where there are pairs pair_labels int [B, C] and pair_weights float [B, C]; of packed rows also position_ids and
    sequence_ids int [B, S] and pair_positions int [B, C].

    The loss is the mean over all predictions of a batch and the mean over all its pairs, whatever the number of parts
    and replicas that compute it. Source: Devlin et al. 2018, section 3.1 and A.2.

    >>> model = Pretrainer.from_config_of_size("small", tokenizer)
    >>> model.compile(AdamW(1e-4))
    >>> model.fit(batches, steps_per_epoch=1000)
    >>> model.predict(["Paris is the [MASK] of France."])
    [{'masks': [[{'token': 'capital', 'score': 0.98}, …]]}]
    """

    task_class = FillMask

    def __init__(self, task, encoder, *, dtype=None, **kwargs):
        super().__init__(task, encoder, dtype=dtype, **kwargs)
        names = ["mlm_loss", "mlm_accuracy", *(["nsp_loss", "nsp_accuracy"] if task.next_sentence else [])]
        self._means = {name: keras.metrics.Mean(name=name) for name in [*names, "gradient_norm"]}

    @classmethod
    def settings_of_checkpoint(cls, source, given):
        return {"next_sentence": "seq_relationship" in source.heads()}

    @property
    def encoder(self):
        return self.network.encoder

    def call(self, features, training=False):
        return self.network(features, training=training)

    @property
    def metrics(self):
        return list(self._means.values())

    def compile(self, optimizer=None, *, accumulation=1, **kwargs):
        """As Keras'; loss and metrics are those of pretraining.

        Args:
            accumulation: equal parts that a batch is computed in, to bound memory; the step is the same.
        """
        super().compile(optimizer, accumulation=accumulation, **kwargs)

    def fit(self, x, epochs=1, *, steps_per_epoch=None, initial_epoch=0, total_steps=None, **kwargs):
        """As Keras' `fit`, on `PretrainingBatches` or a `tf.data.Dataset` of the same; see the class.

        Args:
            total_steps: what the learning-rate schedule spans from step 0, where a run is fitted in pieces.
        """
        self._assert_compile_called("fit")
        if isinstance(x, PretrainingBatches):
            steps_per_epoch = steps_per_epoch or x.steps_per_epoch
            x = self.on_all_replicas(x, initial_epoch * steps_per_epoch)
        self._plan(x, epochs - initial_epoch, steps_per_epoch, total_steps)
        self.steps_of_epoch = steps_per_epoch
        return keras.Model.fit(
            self,
            x,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            initial_epoch=initial_epoch,
            shuffle=False,  # done; Keras warns otherwise
            **kwargs,
        )

    def what_devices_read(self, data):
        return data

    def evaluate(self, x, steps=None, return_dict=False, **kwargs):
        """Loss, accuracy and perplexity on masked rows: all of `PretrainingBatches`, or `steps` batches."""
        if isinstance(x, PretrainingBatches):
            batches, steps = x, x.steps_per_epoch
            x = batches.once()
            if self.distribute_strategy.num_replicas_in_sync > 1:
                x = self.distribute_strategy.distribute_datasets_from_function(batches.once)
        logs = keras.Model.evaluate(self, x, steps=steps, return_dict=True, **kwargs)
        logs["mlm_perplexity"] = float(tf.exp(logs["mlm_loss"]))
        return logs if return_dict else list(logs.values())

    def train_step(self, data):
        totals = self._totals(data)
        step = self._gradients if self.accumulation == 1 else self._accumulated
        if self.jit_compile and num_replicas() > 1:  # XLA takes no step with sums over replicas in it
            step = tf.function(step, jit_compile=True, autograph=False)
        sums, total = summed(step(data, totals))
        weights = self.trainable_weights
        # A weight without a gradient is one that the outputs do not depend on, such as the pooler without pairs.
        used = [(gradient, weight) for gradient, weight in zip(total, weights, strict=True) if gradient is not None]
        gradients, weights = map(list, zip(*used, strict=True))
        norm = tf.linalg.global_norm(gradients) / self.optimizer.scale_loss(1.0)
        counted = tf.ones([])
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):  # which leaves such a step out
            counted = tf.cast(tf.math.is_finite(norm), tf.float32)
            norm = tf.where(counted > 0, norm, 0.0)
        self._means["gradient_norm"].update_state(norm, sample_weight=counted)
        self.optimizer.apply(gradients, weights)
        return {**self._logged(sums), "gradient_norm": self._means["gradient_norm"].result()}

    def _gradients(self, rows, totals):
        with tf.GradientTape() as tape:
            loss, sums = self._loss_and_sums(rows, totals, training=True)
            scaled = self.optimizer.scale_loss(loss)
        return sums, dense_gradients(tape.gradient(scaled, self.trainable_weights))

    def _accumulated(self, data, totals):
        """The same in parts, by a loop of the graph: a batch may have hundreds of them."""
        parts, size = self.accumulation, next(iter(data.values())).shape[0]
        if size is not None and size % parts:
            raise ValueError(f"a batch of {size} rows has no {parts} equal parts; see accumulation")
        rows = -1 if size is None else size // parts  # data shared out among hosts has no static size
        in_parts = {name: tf.reshape(value, [parts, rows, *value.shape[1:]]) for name, value in data.items()}
        unused = set()

        def add_part(i, sums, total):
            found, gradients = self._gradients({name: value[i] for name, value in in_parts.items()}, totals)
            unused.update(k for k, gradient in enumerate(gradients) if gradient is None)
            total = [a if b is None else a + b for a, b in zip(total, gradients, strict=True)]
            return i + 1, {name: sums[name] + value for name, value in found.items()}, total

        prefixes = ("mlm", "nsp") if self.task.next_sentence and "pair_labels" in data else ("mlm",)
        sums = {f"{prefix}_{name}": tf.zeros([]) for prefix in prefixes for name in ("loss", "accuracy", "weight")}
        total = [tf.zeros(weight.shape, weight.dtype) for weight in self.trainable_weights]
        _, sums, total = tf.while_loop(lambda i, *_: i < parts, add_part, (0, sums, total), parallel_iterations=1)
        return sums, [None if k in unused else gradient for k, gradient in enumerate(total)]

    def test_step(self, data):
        return self._logged(summed(self._loss_and_sums(data, self._totals(data), training=False)[1]))

    @staticmethod
    def _totals(data):
        """The weights of all predictions and of all pairs of the batch, on all replicas."""
        totals = [tf.reduce_sum(data[name]) for name in ("masked_weights", "pair_weights") if name in data]
        return [tf.maximum(total, 1.0) for total in summed(totals)]

    def _loss_and_sums(self, data, totals, training):
        """What rows add to the loss of their batch, and sums over their predictions and pairs."""
        outputs = self({name: data[name] for name in _INPUTS if name in data}, training=training)
        sums = _sums(outputs["token_logits"], data["masked_ids"], data["masked_weights"], "mlm")
        loss = sums["mlm_loss"] / totals[0]
        if "pair_logits" in outputs and "pair_labels" in data:
            sums.update(_sums(outputs["pair_logits"], data["pair_labels"], data["pair_weights"], "nsp"))
            loss += sums["nsp_loss"] / totals[1]
        return loss, sums

    def _logged(self, sums):
        found = {}
        for name, mean in self._means.items():
            if name in sums:
                weight = sums[f"{name[:3]}_weight"]
                mean.update_state(sums[name] / tf.maximum(weight, 1.0), sample_weight=weight)
                found[name] = mean.result()
        return {"loss": found["mlm_loss"] + found.get("nsp_loss", 0.0), **found}


def _sums(logits, truth, weights, prefix):
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
