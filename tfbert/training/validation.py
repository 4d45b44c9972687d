"""Evaluation at the end of an epoch."""

from __future__ import annotations

from typing import Any

import keras


class Validation(keras.callbacks.Callback):
    """Evaluates the model after each `frequency` epochs and adds the metrics to the logs as `val_…`.

    It is the first callback, so that all others find them there. Keras' own validation would see features only,
    where a task's metrics need its examples.

    Args:
        data: what the model's `evaluate` takes.
        frequency: epochs between two evaluations.
        steps: batches to take of an endless data set.

    >>> validation = Validation(tfbert.data.Table.from_columns({"text": ["a fine film"], "label": ["positive"]}))
    """

    def __init__(self, data: Any, frequency: int = 1, steps: int | None = None) -> None:
        super().__init__()
        self.data, self.frequency, self.steps = data, frequency, steps

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if (epoch + 1) % self.frequency:
            return
        limit = {} if self.steps is None else {"steps": self.steps}
        values = self.model.evaluate(self.data, verbose=0, return_dict=True, **limit)
        logs.update({f"val_{name}": value for name, value in values.items()})
