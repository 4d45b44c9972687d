"""AdamW as encoders are fine-tuned with it: warmup, linear decay, clipping."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfbert.training.gradients import clip_by_global_norm, without_duplicates
from tfbert.training.keras_internals import AdamVariables
from tfbert.training.optimizers.schedule import MovableWarmup

# Biases and LayerNorm are not decayed (google-research/bert, optimization.py); Keras matches variable names.
NOT_DECAYED = ("bias", "gamma", "beta")


@keras.saving.register_keras_serializable("tfbert")
class AdamW(AdamVariables):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2017), linear warm-up and decay, and clipping.

    Biases and LayerNorm are not decayed. The schedule spans the steps of `fit`, which calls `plan`. If `learning_rate`
    is a schedule of your own, `warmup` and `power` have no effect. A `learning_rate` that is set later, as Keras'
    LearningRateScheduler and ReduceLROnPlateau do, holds for the rest of that `fit`, and is the peak of the next.

    One fused op updates a variable, in about a fifth of the time that Keras' AdamW takes for MiniLM, whose 47 MB token
    embedding dominates.

    Args:
        learning_rate: the peak, or a `LearningRateSchedule`.
        warmup: share of the steps with a rising rate.
        power: of the polynomial by which the rate falls; 1 is a line.
        clip_norm: bound on the global norm of the gradients; None for no bound.

    >>> model.compile(optimizer=AdamW(2e-5, warmup=0.1))
    """

    takes_sparse_gradients = True

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 2e-5,
        *,
        warmup: float = 0.1,
        power: float = 1.0,
        weight_decay: float = 0.01,
        clip_norm: float | None = 1.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "adamw",
        **kwargs: Any,
    ) -> None:
        if kwargs.get("gradient_accumulation_steps"):
            raise ValueError("give `accumulation` to the model's compile(): it clips the whole batch's gradient once")
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            name=name,
            **kwargs,
        )
        self.warmup, self.power, self.clip_norm, self.peak = warmup, power, clip_norm, learning_rate
        self.exclude_from_weight_decay(var_names=NOT_DECAYED)

    @property
    def learning_rate(self) -> Any:
        """The rate of the next step; a number that is set ends the plan of this `fit`."""
        return AdamVariables.learning_rate.fget(self)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if self.is_planned and isinstance(self.schedule, MovableWarmup) and not callable(value):
            self.schedule.hold(float(value))
        else:
            AdamVariables.learning_rate.fset(self, value)
        if self.is_planned:
            self.peak = value if callable(value) else float(value)

    @property
    def is_planned(self) -> bool:
        """Whether `plan` makes the schedule, and not the user."""
        return not isinstance(self.peak, keras.optimizers.schedules.LearningRateSchedule)

    def plan(self, steps: int | None, start: int | None = None) -> bool:
        """Spans the schedule over `steps` steps from `start`, by default the current step.

        With steps None, for unknown, the rate is constant, the peak.

        Returns: whether the schedule is a new object, so that the train step must be traced again.
        """
        if not self.is_planned:
            return False
        planned = isinstance(self.schedule, MovableWarmup)
        if steps is None and not planned:
            return False  # the peak as a variable, which Keras' callbacks may set
        start = int(keras.ops.convert_to_numpy(self.iterations)) if start is None else start
        shape = {"peak": float(self.peak), "warmup": self.warmup, "power": self.power}
        if steps is None:
            steps, shape = 1, {**shape, "warmup": 0.0, "power": 0.0}  # power 0: at the peak, for ever
        if planned and shape == {name: getattr(self.schedule, name) for name in shape}:
            self.schedule.move(steps, start)
            return False
        self.set_schedule(MovableWarmup(total_steps=steps, start=start, **shape))
        return True

    def apply(self, grads: list, trainable_variables: list | None = None) -> None:
        grads = [without_duplicates(grad) for grad in grads]
        if self.clip_norm is not None:
            grads = clip_by_global_norm(grads, self.clip_norm)
        grads = [grad if grad is None else tf.convert_to_tensor(grad) for grad in grads]
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        learning_rate = tf.cast(learning_rate, dtype)
        mean, square = self.moments_of(variable)
        if self.weight_decay and self.is_decayed(variable):
            variable.assign_sub(variable * (learning_rate * tf.cast(self.weight_decay, dtype)))
        # The op computes the bias correction from the two powers.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=mean.value.handle,
            v=square.value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, dtype), step),
            lr=learning_rate,
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key in ("clipnorm", "clipvalue", "global_clipnorm", "amsgrad"):
            config.pop(key, None)
        peak = self.peak
        if isinstance(peak, keras.optimizers.schedules.LearningRateSchedule):
            peak = keras.optimizers.schedules.serialize(peak)
        return {
            **config,
            "learning_rate": peak,
            "warmup": self.warmup,
            "power": self.power,
            "clip_norm": self.clip_norm,
        }
