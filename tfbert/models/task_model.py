"""TaskModel: a task as a Keras model that learns from labelled examples. B batch, W windows, S sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.data.bad_rows import Policy
from tfbert.data.batching.batches import SAMPLE_WEIGHT, Batches
from tfbert.data.batching.static_shapes import IS_REAL
from tfbert.models import inputs
from tfbert.models.prediction import BATCH_SIZE, progress
from tfbert.models.text_model import TextModel
from tfbert.models.weights import class_weights
from tfbert.tasks.task import check_trainable
from tfbert.training.evaluation import evaluated, joined
from tfbert.training.optimizers.adamw import AdamW
from tfbert.training.outputs import OutputsOfParts
from tfbert.training.step import TaskStep
from tfbert.training.strategy import num_hosts
from tfbert.training.validation import Validation

WINDOWS_AT_ONCE = 64  # outside of training; bounds the memory that a book takes


class TaskModel(TextModel):
    """A `Task` on an encoder: `fit`, `evaluate` and `predict` on strings, `save` and `export` of the result.

    A subclass for a task sets `task_class`. `call` takes features (`task.features` of strings) and gives the head's
    outputs. `from_checkpoint` makes a model.
    """

    step_class = TaskStep

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> Any:
        """Features [W, S], … -> the head's outputs [W, …]. Outside of training, `WINDOWS_AT_ONCE` windows at a time."""
        given = {name: features[name] for name in self.network.input}
        if training or not self.task.reads_windows:
            return self.network(given, training=training)
        parts = tf.maximum(1, -(-tf.shape(given["token_ids"])[0] // WINDOWS_AT_ONCE))  # without windows, one
        of_parts = OutputsOfParts(self.task, self.network)

        def part(i, outputs):
            cut = {name: value[i * WINDOWS_AT_ONCE : (i + 1) * WINDOWS_AT_ONCE] for name, value in given.items()}
            return i + 1, of_parts.with_part(outputs, i, self.network(cut, training=False))

        start = (0, of_parts.empty(parts))
        _, outputs = tf.while_loop(lambda i, _: i < parts, part, start, parallel_iterations=1)
        return of_parts.joined(outputs)

    def what_devices_read(self, features: dict[str, tf.Tensor], *others: Any) -> tuple:
        read = {*self.task.inputs(self.encoder), "rows", IS_REAL, SAMPLE_WEIGHT}
        return {name: value for name, value in features.items() if name in read}, *others

    def compile(
        self, optimizer: Any = None, loss: Any = None, metrics: Any = None, *, accumulation: int = 1, **kwargs: Any
    ) -> None:
        """As Keras' `compile`; optimizer, loss and metrics default to `AdamW` and the task's own.

        The task's own metrics are the standard ones of its field, over all examples of an `evaluate`. Keras' callbacks
        know the direction of `val_accuracy` and `val_loss` only: give them `mode="max"` for the others.

        Args:
            accumulation: micro-batches in which a batch is computed, to bound memory; the result is the same.

        >>> model.compile(tfbert.AdamW(2e-5), accumulation=4)
        """
        if accumulation < 1:
            raise ValueError(f"accumulation must be positive, not {accumulation}")
        check_trainable(self.task, "training and evaluation")
        self._task_metrics, self._task_loss = not metrics, loss is None
        self.step = self.step_class(self, accumulation=accumulation, loss_is_tasks=loss is None)
        if self._task_loss:
            loss = self.task.loss()
        takes_all_outputs = self._task_loss and len(self.task.outputs) > 1
        super().compile(
            AdamW() if optimizer is None else optimizer,
            loss=None if takes_all_outputs else loss,
            metrics=self.task.keras_metrics() if metrics is None else metrics,
            **kwargs,
        )
        if takes_all_outputs:
            self.set_loss_of_all_outputs(loss)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        if not (self._task_loss and len(self.task.outputs) > 1):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        # Keras asks for one loss per output; a task's own loss takes all outputs.
        return self.loss(y, y_pred, sample_weight) + sum(self.losses)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: list[keras.callbacks.Callback] | None = None,
        validation_data: Any = None,
        shuffle: bool = True,
        *,
        seed: int = 0,
        total_steps: int | None = None,
        steps_per_epoch: int | None = None,
        initial_epoch: int = 0,
        validation_split: float = 0.0,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        validation_steps: int | None = None,
        sample_weight: Any = None,
        class_weight: Mapping[Any, float] | None = None,
        bad_rows: Policy | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """As Keras' `fit`, on strings.

        Args:
            x: a `Table` or pandas DataFrame with labels; strings with `y` (names or numbers); pairs as a tuple or
                dict of two lists; or a `tf.data.Dataset` of (strings or features, target).
            validation_split: the share of the rows, from the end, to validate on instead of `validation_data`.
            sample_weight: float [rows], the weight of each row in the loss, for text classifiers.
            class_weight: {label, by its name or number: weight of its rows in the loss}, where a row has one label.
            bad_rows: "error", or "skip": rows of strings that cannot be used are left out, and counted in a warning.
                By default the `Table` decides, as it was read; in lists of strings a bad row is an error.
            seed: decides, with the epoch, the order of the batches.
            total_steps: the steps of the whole learning-rate schedule, counted from step 0, for a run that calls `fit`
                several times. Without it and `steps_per_epoch`, data of unknown size are trained on at the peak rate.

        >>> history = model.fit(["where is it", "money back"], ["order_status", "refund"], verbose=0)
        """
        self.require_compiled("fit")
        class_weight = class_weights(class_weight, self.task)
        if validation_split and validation_data is None:
            x, sample_weight, validation_data = inputs.split(x, y, sample_weight, validation_split, self.task)
            y = None
        if validation_data is not None:
            dev_x, dev_y, weight = inputs.validation(validation_data)
            size = batch_size if validation_batch_size is None else validation_batch_size
            data = self._batches(dev_x, dev_y, size, shuffle=False, sample_weight=weight, bad_rows=bad_rows)
            if isinstance(data, Batches):
                inputs.refuse({"validation_steps": validation_steps}, "fit")
            callbacks = [Validation(data, validation_freq, validation_steps), *(callbacks or [])]
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        order = {"shuffle": shuffle, "seed": seed}
        data = self._batches(x, y, batch_size, training=True, bad_rows=bad_rows, **order, **weights)
        if isinstance(data, Batches):
            if data is not x:
                class_weight = None  # the batches have it
            self.task = self.task.trained_on(data.examples, self.loss)
            steps_per_epoch = steps_per_epoch or data.steps_per_epoch
            data = self.on_all_replicas(data, initial_epoch * steps_per_epoch)
        return super().fit(
            data,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            steps_per_epoch=steps_per_epoch,
            initial_epoch=initial_epoch,
            total_steps=total_steps,
            class_weight=class_weight,
            **kwargs,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        callbacks: Any = None,
        return_dict: bool = False,
        *,
        sample_weight: Any = None,
        bad_rows: Policy | None = None,
        **kwargs: Any,
    ) -> dict[str, float] | list[float]:
        """The loss and the metrics of a labelled data set: those given to `compile`, or else the task's own.

        Args:
            x, y: as in `fit`.
            sample_weight: float [rows], for the loss and Keras' `weighted_metrics`, not for the task's own.
            bad_rows: as in `fit`; the metrics then end with skipped_rows, how many are in none of the others.
            kwargs: of Keras' `evaluate`, such as `steps`, for a `tf.data.Dataset`.

        >>> metrics = model.evaluate(["money back"], ["refund"], return_dict=True, verbose=0)
        """
        self.require_compiled("evaluate")
        data = self._batches(x, y, batch_size, shuffle=False, sample_weight=sample_weight, bad_rows=bad_rows)
        if not isinstance(data, Batches):
            self.drop_stale_functions()
            return super().evaluate(data, verbose=verbose, callbacks=callbacks, return_dict=return_dict, **kwargs)
        inputs.refuse(kwargs, "evaluate")
        logs, _ = self.evaluate_answers(data, verbose=verbose, callbacks=callbacks)
        if data.skipped_rows is not None:
            logs["skipped_rows"] = data.skipped_rows
        return logs if return_dict else list(logs.values())

    def evaluate_answers(
        self, batches: Batches, *, verbose: str | int = 0, callbacks: Any = None
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """The metrics, and the answers to the examples in the order of the data: a dict of arrays."""
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = keras.callbacks.CallbackList(callbacks, model=self)
        self.reset_metrics()
        callbacks.on_test_begin()
        parts, example_ids, own_steps = [], [], -(-batches.steps_per_epoch // num_hosts(self.distribute_strategy))
        found = progress(evaluated(self, batches), own_steps, verbose, "evaluate")
        for i, (logs, answer, numbers) in enumerate(found):
            callbacks.on_test_batch_begin(i)
            parts.append(answer)
            example_ids.append(numbers)
            callbacks.on_test_batch_end(i, logs)
        logs = {name: float(value) for name, value in self.get_metrics_result().items()}
        answers = joined(self.distribute_strategy, parts, example_ids)
        if self._task_metrics:
            logs.update(self.task.metrics(batches.examples, answers))
        callbacks.on_test_end(logs)
        return logs, answers

    def _batches(self, x, y, batch_size, **settings):
        return inputs.labelled_batches(
            x,
            y,
            self.task,
            batch_size=BATCH_SIZE if batch_size is None else batch_size,
            several_replicas=self.distribute_strategy.num_replicas_in_sync > 1,
            **settings,
        )

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        if not config:
            return config
        # Saved as objects, the task's own loss and metrics would count as the user's in the loaded model.
        if self._task_loss:
            config["loss"] = None
        if self._task_metrics and config["metrics"]:  # the user's own [] keeps none running
            config["metrics"] = None
        return config
