"""LAMB, the optimizer of very large batches."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfbert.training.optimizers.adamw import AdamW


@keras.saving.register_keras_serializable("tfbert")
class LAMB(AdamW):
    """Adam whose step is scaled, variable by variable, to the length of the variable (You et al. 2019, algorithm 2).

    The decay is part of the step whose length is measured; Keras' own Lamb decays separately. Biases and LayerNorm
    are neither decayed nor scaled, as in the authors' runs. Schedule and clipping are `AdamW`'s; the reference
    is google-research's LAMBOptimizer (albert/lamb_optimizer.py), with the bias correction of the paper.

    >>> model.compile(optimizer=LAMB(2e-3, warmup=0.1))
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
        *,
        weight_decay: float = 0.01,
        epsilon: float = 1e-6,
        name: str = "lamb",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, epsilon=epsilon, name=name, **kwargs)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        mean, square = self.moments_of(variable)
        beta_1, beta_2 = (tf.cast(beta, dtype) for beta in (self.beta_1, self.beta_2))
        gradient = tf.cast(gradient, dtype)
        mean.assign(beta_1 * mean + (1 - beta_1) * gradient)
        square.assign(beta_2 * square + (1 - beta_2) * tf.square(gradient))
        corrected = mean / (1 - tf.pow(beta_1, step))
        update = corrected / (tf.sqrt(square / (1 - tf.pow(beta_2, step))) + tf.cast(self.epsilon, dtype))
        ratio = tf.ones([], dtype)
        if self.is_decayed(variable):
            value = tf.convert_to_tensor(variable)
            update += tf.cast(self.weight_decay, dtype) * value
            length, length_of_update = tf.norm(value), tf.norm(update)
            ratio = tf.where((length > 0) & (length_of_update > 0), length / length_of_update, ratio)
        variable.assign_sub(tf.cast(learning_rate, dtype) * ratio * update)
