"""BlowUpGuard: what finds a loss that is no number, or is much higher than it was."""

from __future__ import annotations

import math
from typing import Any

import keras

from tfbert.runs.state import RunState


class BlowUp(Exception):
    """Training has gone wrong by `step`."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"step {step}: {what}")
        self.step = step


class BlowUpGuard(keras.callbacks.Callback):
    """Raises `BlowUp` before a checkpoint of bad weights is saved; it comes before the `RunState` among the callbacks.

    It reads the running means where the log writes a line, and where the state is about to be saved.

    Args:
        state: the `RunState`; its notes keep the lowest loss so far.
        factor: a loss above this many times the lowest is a blow-up.
    """

    def __init__(self, state: RunState, *, factor: float) -> None:
        super().__init__()
        self.state, self.factor = state, factor

    def on_train_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        step = self.state.step_after(batch)
        logged = "interval_loss" in logs
        if not logged and not self.state.is_saved_at(step):
            return
        loss, norm = float(logs["loss"]), float(logs["gradient_norm"])
        if not math.isfinite(loss):
            raise BlowUp(step, f"the loss is {loss}")
        if not math.isfinite(norm):
            raise BlowUp(step, f"the gradients' norm is {norm}")
        lowest = self.state.notes.get("lowest_loss", math.inf)
        if loss > self.factor * lowest:
            raise BlowUp(step, f"the loss is {loss:.4g}, {loss / lowest:.1f} times the lowest so far")
        if logged:
            self.state.notes["lowest_loss"] = min(loss, lowest)
