"""Learning rates over the steps of a run."""

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable("tfbert")
class LinearWarmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises from 0 to `peak` over the warm-up, then falls to 0: in a line, or by a power (Devlin et al. 2018, A.2).

    The same numbers as `transformers.get_linear_schedule_with_warmup`, and with a `power` as its
    `get_polynomial_decay_schedule_with_warmup` with `lr_end=0`.

    Args:
        peak: the highest learning rate.
        total_steps: optimizer steps of the whole run.
        warmup: share of the steps, in [0, 1].
        start: the optimizer's step at which the run began (a second `fit` goes on counting).
        power: of the decay's polynomial.

    >>> float(LinearWarmup(1.0, total_steps=10, warmup=0.5)(5))
    1.0
    """

    def __init__(self, peak, *, total_steps, warmup=0.1, start=0, power=1.0):
        if not 0 <= warmup <= 1:
            raise ValueError(f"warmup is a share of the steps between 0 and 1, not {warmup}")
        self.peak, self.total_steps, self.warmup, self.start = peak, total_steps, warmup, start
        self.power = power

    def __call__(self, step):
        start, warmup_steps, total_steps = self._span()
        step = ops.cast(step, "float32") - start
        rising = step / ops.maximum(1.0, warmup_steps)
        falling = ops.maximum(0.0, (total_steps - step) / ops.maximum(1.0, total_steps - warmup_steps))
        if self.power != 1:
            falling = falling**self.power
        return self.peak * ops.where(step < warmup_steps, ops.maximum(0.0, rising), falling)

    def _span(self):
        """The first step, the steps of the warm-up and all steps, float32."""
        return float(self.start), float(round(self.warmup * self.total_steps)), float(self.total_steps)

    def get_config(self):
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup": self.warmup,
            "start": self.start,
            "power": self.power,
        }


class MovableWarmup(LinearWarmup):
    """A `LinearWarmup` that a traced train step reads the span of: `move` changes it, and nothing is traced anew.

    Not registered: an optimizer saves its peak and its warm-up, and plans when it is fitted.
    """

    def __init__(self, peak, **settings):
        super().__init__(peak, **settings)
        self._variable = tf.Variable(super()._span(), dtype="float32", trainable=False)

    def move(self, total_steps, start):
        self.total_steps, self.start = total_steps, start
        self._variable.assign(super()._span())

    def _span(self):
        return tf.unstack(self._variable)
