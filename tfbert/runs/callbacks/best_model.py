"""BestModel: the model of the best evaluation."""

from __future__ import annotations

import math
import os
from typing import Any

import keras

from tfbert.runs.state import RunState

_LOWER_IS_BETTER = ("loss", "mean_squared_error")


class BestModel(keras.callbacks.Callback):
    """Saves the model when its dev metric is the best so far, and stops the run when it no longer improves.

    Args:
        path: of the model folder.
        state: the `RunState`, whose notes keep the best value.
        metric: of dev, without `val_`; the task's first if empty.
        patience: evaluations without a better one before the run stops; 0: never.
    """

    def __init__(self, path: str | os.PathLike, state: RunState, *, metric: str = "", patience: int = 0) -> None:
        super().__init__()
        self.path, self.state, self.metric, self.patience = path, state, metric, patience

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        metric = self.metric or self._first(logs)
        value, notes = logs[f"val_{metric}"], self.state.notes
        sign = -1 if metric in _LOWER_IS_BETTER else 1
        best = notes.get("best_value")
        if best is None or (not math.isnan(value) and sign * value > sign * best):
            self.model.save(self.path)
            # NaN, such as a correlation of constants, is no JSON; any number is better.
            notes.update(best_value=-sign * 1e30 if math.isnan(value) else value, best_round=epoch + 1, metric=metric)
        elif self.patience and epoch + 1 - notes["best_round"] >= self.patience:
            self.model.stop_training = True
            notes["stopped"] = True

    @staticmethod
    def _first(logs):
        return next(name for name in logs if name.startswith("val_") and name != "val_loss").removeprefix("val_")
