"""The best model of a run."""

import math

import keras

_LOWER_IS_BETTER = ("loss", "mean_squared_error")


class BestModel(keras.callbacks.Callback):
    """Saves the model when its dev metric is the best so far; stops after `patience` evaluations without one.

    Args:
        path: where the model folder goes.
        state: the `RunState`, whose notes keep the best value over an interruption.
        metric: of dev, without `val_`; the first of the task's where empty.
    """

    def __init__(self, path, state, *, metric="", patience=0):
        super().__init__()
        self.path, self.state, self.metric, self.patience = path, state, metric, patience

    def on_epoch_end(self, epoch, logs=None):
        metric = self.metric or self._first(logs)
        value, notes = logs[f"val_{metric}"], self.state.notes
        sign = -1 if metric in _LOWER_IS_BETTER else 1
        best = notes.get("best_value")
        if best is None or (not math.isnan(value) and sign * value > sign * best):
            self.model.save(self.path)
            # NaN (a correlation of constants) is no JSON and better than nothing only
            notes.update(best_value=-sign * 1e30 if math.isnan(value) else value, best_round=epoch + 1, metric=metric)
        elif self.patience and epoch + 1 - notes["best_round"] >= self.patience:
            self.model.stop_training = True
            notes["stopped"] = True

    @staticmethod
    def _first(logs):
        return next(name for name in logs if name.startswith("val_") and name != "val_loss").removeprefix("val_")
