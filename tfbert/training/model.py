"""TrainedModel: a Keras model that trains under every `tf.distribute` strategy, by a step of its own."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import keras
import tensorflow as tf
from keras import tree

from tfbert.encoders.layers.derived import kept_derived
from tfbert.encoders.layers.layouts import padded_rows
from tfbert.errors import ConfigError
from tfbert.training.graph_state import GraphState
from tfbert.training.keras_internals import PrivateNames, leaves_gradients_unsummed
from tfbert.training.optimizers.adamw import AdamW
from tfbert.training.replicas import is_shared, shared_out

if TYPE_CHECKING:
    from tfbert.data.batching.batches import Batches
    from tfbert.data.pretraining.batches import PretrainingBatches
    from tfbert.tasks.task import Task


class Step(Protocol):
    """What a model trains and evaluates with; `tfbert.training.step` and `masked_step` have one each."""

    accumulation: int  # micro-batches of a batch

    def train(self, data: Any) -> dict[str, tf.Tensor]:
        """One optimizer step on a batch; returns the running metrics."""

    def evaluate(self, data: Any) -> tuple[dict[str, tf.Tensor], Any]:
        """The running metrics and the outputs of a batch."""


class TrainedModel(PrivateNames, keras.Model):
    """A Keras model that trains under every `tf.distribute` strategy, by the `Step` that its `compile` makes.

    This and these attributes are all that the package's training code knows of a model:

    Attributes:
        task: the `Task`, which gives the loss and the answers.
        network: the task's Keras model, from features to outputs.
        step: the `Step`; None before `compile`.

    Keras' own trainer reduces nested structures with `strategy.reduce`, which multi-worker strategies refuse, takes a
    batch of the data to build with, averages losses over replicas whatever their numbers of examples, and runs more
    steps than an epoch has where `steps_per_execution` does not divide it. tests/training/test_replicas.py shows when
    a version of Keras no longer does.
    """

    task: Task
    network: keras.Model
    step: Step | None = None
    steps_of_epoch: int | None = None  # of the `fit` that runs, where they are known

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._functions = {}
        self._traced_state: tuple[Task, GraphState] | None = None
        self._derived: dict | None = None  # of a model that only predicts, what is derived from its weights

    # tracing

    def traced(self, name: str, python_function: Callable, *specs: Any) -> tf.types.experimental.PolymorphicFunction:
        """A traced function, kept until `compile`, `set_task` or a change of the network makes it stale.

        With `specs` of its arguments, whose sizes may be None, it is traced once for all sizes.
        """
        self.drop_stale_functions()
        if name not in self._functions:
            self._functions[name] = tf.function(python_function, reduce_retracing=True, autograph=False)
            if specs:
                with contextlib.nullcontext() if self._derived is None else kept_derived(self._derived):
                    self._functions[name].get_concrete_function(*specs)
        return self._functions[name]

    def drop_stale_functions(self) -> None:
        """Forgets what was traced, if the task or the network is not as it was: quantized, or with other layers."""
        before, self._traced_state = self._traced_state, (self.task, GraphState(self.network))
        if before is None or before[0] is self.task and before[1] == self._traced_state[1]:
            return
        self._functions = {}
        self.test_function = self.predict_function = None

    def set_task(self, task: Task) -> None:
        """Replaces the task by one with other settings, such as thresholds or columns; the network stays."""
        self.task, self._functions = task, {}

    # training

    def compile(self, optimizer: Any, **kwargs: Any) -> None:
        """As Keras' `compile`, without XLA unless `jit_compile` asks for it."""
        self._functions, self._derived = {}, None
        # XLA would compile anew for each length that a batch is padded to.
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer, **kwargs)
        leaves_gradients_unsummed(self.optimizer)

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        return {**config, "accumulation": self.step.accumulation} if config else config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        *,
        steps_per_epoch: int | None = None,
        initial_epoch: int = 0,
        total_steps: int | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """As Keras' `fit`, with the optimizer's schedule spanned over its steps.

        Args:
            total_steps: what the schedule spans from step 0, where a run calls `fit` several times.
        """
        self._plan_schedule(x, epochs - initial_epoch, steps_per_epoch, total_steps)
        self.steps_of_epoch = steps_per_epoch
        self.drop_stale_functions()
        return super().fit(
            x,
            y,
            batch_size,
            epochs,
            steps_per_epoch=steps_per_epoch,
            initial_epoch=initial_epoch,
            shuffle=False,  # data sets are shuffled already; Keras warns otherwise
            **kwargs,
        )

    def _plan_schedule(self, data, epochs, steps_per_epoch, total_steps):
        """Spans the schedule over a `fit`; on data of unknown size the rate is the peak, with a warning."""
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        if not isinstance(optimizer, AdamW) or not optimizer.is_planned:
            return
        if steps_per_epoch is None and isinstance(data, tf.data.Dataset):
            size = int(data.cardinality())
            steps_per_epoch = size if size >= 0 else None
        start = None if total_steps is None else 0
        if total_steps is None and steps_per_epoch is not None:
            total_steps = steps_per_epoch * epochs
        with self.distribute_strategy.scope():  # it may make a variable, which each replica reads
            changed = optimizer.plan(total_steps, start)
        if total_steps is None:
            warnings.warn(
                "the data set does not say how many batches it has, so the learning rate stays at its peak of "
                f"{float(optimizer.learning_rate):g}, without warm-up and decay; give steps_per_epoch or total_steps",
                stacklevel=4,
            )
        if changed:
            self.make_train_function(force=True)  # the schedule is part of the traced step

    def on_all_replicas(
        self, batches: Batches | PretrainingBatches, start_step: int = 0
    ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """The endless data set of batches from a global step on, each divided among the replicas."""
        return shared_out(self.distribute_strategy, batches, start_step, self.what_devices_read)

    def what_devices_read(self, *batch: Any) -> Any:
        """A batch without what only the host reads."""
        return batch if len(batch) > 1 else batch[0]

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        with padded_rows(self._needs_shapes):
            return self.step.train(data)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        with padded_rows(self._needs_shapes):
            return self.step.evaluate(data)[0]

    def predict_step(self, data: Any) -> Any:
        with padded_rows(self._needs_shapes):
            return super().predict_step(data)

    @property
    def _needs_shapes(self):
        """Whether XLA compiles the steps, which needs the shapes of all tensors beforehand."""
        return self.jit_compile or isinstance(self.distribute_strategy, tf.distribute.TPUStrategy)

    # what Keras' trainer asks for

    @property
    def builds_from_specs(self) -> bool:
        return is_shared(self.distribute_strategy)

    def make_train_function(self, force: bool = False) -> Callable:
        if not self.optimizer.built:  # A step that makes variables would be traced twice, and they one by one in it.
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_weights)
        if not is_shared(self.distribute_strategy) and self.steps_per_execution == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = self._on_replicas(self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Callable:
        if not is_shared(self.distribute_strategy):
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = self._on_replicas(self.test_step)
        return self.test_function

    def _on_replicas(self, step):
        """A function of an iterator: `steps_per_execution` steps on all replicas, the logs of the first."""
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync > 1 and isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            raise ConfigError("mixed_float16 works on one replica; give dtype mixed_bfloat16 on several")
        if self.jit_compile and not is_shared(strategy):
            step = tf.function(step, jit_compile=True, reduce_retracing=True, autograph=False)

        def one(iterator):
            logs = strategy.run(step, args=(next(iterator),))
            return tree.map_structure(lambda value: strategy.experimental_local_results(value)[0], logs)

        if self.run_eagerly:
            return one
        if self.steps_per_execution == 1:
            return tf.function(one, reduce_retracing=True, autograph=False)

        @functools.partial(tf.function, reduce_retracing=True)
        def several(iterator, count):
            logs = one(iterator)
            for _ in tf.range(count - 1):
                logs = one(iterator)
            return logs

        done = 0

        def up_to_the_end(iterator):
            nonlocal done
            left = self.steps_per_execution if self.steps_of_epoch is None else self.steps_of_epoch - done
            count = min(self.steps_per_execution, left)
            done = 0 if count == left else done + count
            return several(iterator, tf.constant(count))

        return up_to_the_end
