"""Learning rates over the steps of a run."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable("tfbert")
class LinearWarmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises from 0 to `peak` over the warm-up, then falls to 0 in a line or by a power (Devlin et al. 2018, A.2).

    It gives the same numbers as `transformers.get_linear_schedule_with_warmup`, and with a `power` as its
    `get_polynomial_decay_schedule_with_warmup` with `lr_end=0`.

    Args:
        peak: the highest learning rate.
        total_steps: optimizer steps of the whole run.
        warmup: share of the steps, in [0, 1].
        start: the optimizer's step at which the run began; a second `fit` does not begin at 0.
        power: of the decay's polynomial.

    >>> float(LinearWarmup(1.0, total_steps=10, warmup=0.5)(5))
    1.0
    """

    def __init__(
        self, peak: float, *, total_steps: int, warmup: float = 0.1, start: int = 0, power: float = 1.0
    ) -> None:
        if not 0 <= warmup <= 1:
            raise ValueError(f"warmup is a share of the steps between 0 and 1, not {warmup}")
        self.peak, self.total_steps, self.warmup, self.start = peak, total_steps, warmup, start
        self.power = power

    def __call__(self, step: Any) -> Any:
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

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup": self.warmup,
            "start": self.start,
            "power": self.power,
        }


_NOT_HELD = -1.0  # no rate


class MovableWarmup(LinearWarmup):
    """A `LinearWarmup` whose span `move` changes, and which `hold` ends, without tracing the train step again.

    It is not registered: an optimizer saves its peak and warm-up, and plans its schedule in each `fit`.
    """

    def __init__(self, peak: float, **settings: Any) -> None:
        super().__init__(peak, **settings)
        self._variable = tf.Variable([*super()._span(), _NOT_HELD], dtype="float32", trainable=False)

    def __call__(self, step: Any) -> Any:
        held = self._variable[3]
        return ops.where(held < 0, super().__call__(step), held)

    def move(self, total_steps: int, start: int) -> None:
        self.total_steps, self.start = total_steps, start
        self._variable.assign([*super()._span(), _NOT_HELD])

    def hold(self, rate: float) -> None:
        """Makes the rate constant, until the next `move`."""
        self._variable.assign([*super()._span(), rate])

    def _span(self):
        return tf.unstack(self._variable)[:3]
