"""What the log of a fine-tuning run measures."""

from __future__ import annotations

from typing import Any

import keras

from tfbert.runs.logs.run_log import RunLog


class FinetuneLog(RunLog):
    """Loss, learning rate and non-padding tokens a second; of an evaluation, the metrics of dev."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.state.step % self.per_round == 0:
            self.state.notes["logged_loss"] = [0.0, 0.0]
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if "logged_loss" not in self.state.notes:  # of a checkpoint of an earlier version, whose round goes on
            self.state.notes["logged_loss"] = self._running()

    def tokens(self, before: int, after: int) -> float:
        return sum(self.batches.rows_and_tokens(step)[1] for step in range(before, after))

    def measures(self, logs: dict[str, Any], tokens_per_second: float) -> dict[str, float]:
        # Keras' loss is the mean over the round so far; the interval's own is the difference of two sums.
        # The notes keep the sum at the last line, so that a resumed run's next line is of the same interval.
        sum_before, terms_before = self.state.notes["logged_loss"]
        self.state.notes["logged_loss"] = [running, terms] = self._running()
        return {
            "loss": (running - sum_before) / (terms - terms_before),
            "learning_rate": float(self.model.optimizer.learning_rate),
            "tokens_per_second": tokens_per_second,
        }

    def line(self, step: int, values: dict[str, float]) -> dict[str, Any]:
        return {"step": step, "epoch": round(step / self.batches.steps_per_epoch, 4), **values}

    def shown(self, values: dict[str, float]) -> dict[str, str]:
        return {"loss": f"{values['loss']:.3f}", "tokens/s": f"{values['tokens_per_second']:.0f}"}

    def shown_evaluation(self, values: dict[str, float], logs: dict[str, Any]) -> str:
        dev = "  ".join(f"{name.removeprefix('val_')} {value:.4f}" for name, value in values.items())
        epoch = self.state.step / self.batches.steps_per_epoch
        return f"epoch {epoch:.3g}: training loss {logs['loss']:.4f}; dev {dev}"

    def _running(self):
        """Of Keras' running mean of the loss, the sum and how many terms it is of."""
        loss = next(metric for metric in self.model.metrics if metric.name == "loss")
        return [float(keras.ops.convert_to_numpy(loss.total)), float(keras.ops.convert_to_numpy(loss.count))]
