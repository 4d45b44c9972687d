"""Learning rates over the steps of a run."""

import keras
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
        step = ops.cast(step, "float32") - float(self.start)
        warmup_steps = round(self.warmup * self.total_steps)
        rising = step / float(max(1, warmup_steps))
        falling = (self.total_steps - step) / float(max(1, self.total_steps - warmup_steps))
        falling = ops.maximum(0.0, falling)
        if self.power != 1:
            falling = falling**self.power
        return self.peak * ops.where(step < warmup_steps, ops.maximum(0.0, rising), falling)

    def get_config(self):
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup": self.warmup,
            "start": self.start,
            "power": self.power,
        }
