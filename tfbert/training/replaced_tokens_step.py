"""The step of replaced-token detection: generator and discriminator together.

Shapes: B rows, S tokens of a row, P predictions of a row, V vocabulary.
"""

from __future__ import annotations

import tensorflow as tf

from tfbert.tasks.replaced_tokens.replacing import put, sampled
from tfbert.training.masked_step import MaskedRowsStep, Rows, Sums, encoder_inputs, mean_sums, sums_of_predictions


class ReplacedTokensStep(MaskedRowsStep):
    """Trains and evaluates a discriminator, `model.network`, and its generator, `model.generator`.

    The generator's tokens stand in the place of the masked ones; where it draws the original, that is no replacement.
    Source: Clark et al. 2020, section 2; google-research/electra, run_pretraining.py.
    """

    def loss_weights(self) -> dict[str, float]:
        return {"mlm": self.model.task.generator_weight, "rtd": self.model.task.discriminator_weight}

    def denominators(self, data: Rows) -> dict[str, tf.Tensor]:
        _check_draws(data)
        return {
            "mlm": tf.reduce_sum(data["masked_weights"]),
            "rtd": tf.cast(tf.reduce_sum(data["padding_mask"]), tf.float32),
        }

    def sums_and_outputs(self, data: Rows, training: bool) -> tuple[Sums, tf.Tensor]:
        inputs = encoder_inputs(data)
        guesses = self.model.generator(inputs, training=training)["token_logits"]
        sums = sums_of_predictions(guesses, data["masked_ids"], data["masked_weights"], "mlm")
        places, weights = data["masked_positions"], data["masked_weights"]
        original = put(data["token_ids"], places, data["masked_ids"], weights)
        token_ids = put(original, places, sampled(guesses, data["draws"]), weights)
        logits = self.model({**inputs, "token_ids": token_ids}, training=training)
        truth = tf.cast(token_ids != original, tf.float32)
        return {**sums, **sums_of_tokens(logits, truth, tf.cast(data["padding_mask"], tf.float32))}, logits


def sums_of_tokens(logits: tf.Tensor, truth: tf.Tensor, weights: tf.Tensor) -> Sums:
    """Sums over the tokens of rows: loss, accuracy, and the precision and recall of those that were replaced."""
    losses = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
    said = tf.cast(logits > 0, tf.float32)
    return {
        "rtd_loss": mean_sums(losses, weights),
        "rtd_accuracy": mean_sums(tf.cast(said == truth, tf.float32), weights),
        "rtd_precision": mean_sums(truth, weights * said),
        "rtd_recall": mean_sums(said, weights * truth),
    }


def _check_draws(data):
    if "draws" not in data:
        raise ValueError(
            "the batches have no draws, float32 numbers in [0, 1) of the shape of masked_ids, from which replacements "
            "are drawn; PretrainingBatches has them, and tf.random.stateless_uniform makes them"
        )
