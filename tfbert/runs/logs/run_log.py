"""RunLog: metrics.jsonl, TensorBoard and the progress bar of a run."""

from __future__ import annotations

import pathlib
import time
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
import tqdm

from tfbert.runs.logs.history_file import append_history, keep_history
from tfbert.runs.state import RunState, passes

if TYPE_CHECKING:
    from tfbert.data.batching.batches import Batches
    from tfbert.data.pretraining.batches import PretrainingBatches


class RunLog(keras.callbacks.Callback):
    """Writes a line every `every` steps, with the measures of training since the line before, and one an evaluation.

    The same numbers go to TensorBoard and to a progress bar. It comes before the `RunState` among the callbacks. A
    subclass says what is measured.

    Args:
        folder: the run folder.
        batches: the training batches.
        state: the `RunState`, which counts the steps.
        total_steps: of the whole run.
        per_round: steps of one of Keras' epochs, which end with an evaluation.
        shown: whether there is a progress bar.
    """

    description = "train"

    def __init__(
        self,
        folder: pathlib.Path,
        batches: Batches | PretrainingBatches,
        state: RunState,
        *,
        total_steps: int,
        per_round: int,
        every: int,
        shown: bool = True,
    ) -> None:
        super().__init__()
        self.path, self.batches, self.state = pathlib.Path(folder) / "metrics.jsonl", batches, state
        self.every, self.per_round, self.total_steps = every, per_round, total_steps
        self._writer = tf.summary.create_file_writer(str(pathlib.Path(folder) / "tensorboard"))
        bar = {"unit": "step", "desc": self.description, "dynamic_ncols": True, "disable": not shown}
        self._bar = tqdm.tqdm(total=total_steps, **bar)
        self._tokens, self._began = 0, 0.0  # of the interval since the line before
        self.return_to_state()

    # what a subclass says

    def tokens(self, before: int, after: int) -> float:
        """Non-padding tokens of the steps after `before`, up to `after`."""
        raise NotImplementedError

    def measures(self, logs: dict[str, Any], tokens_per_second: float) -> dict[str, float]:
        """What a line says of the interval; `logs` are those of Keras."""
        raise NotImplementedError

    def line(self, step: int, values: dict[str, float]) -> dict[str, Any]:
        """A line of metrics.jsonl."""
        raise NotImplementedError

    def shown(self, values: dict[str, float]) -> dict[str, str]:
        """What the progress bar says of an interval's measures."""
        raise NotImplementedError

    def shown_evaluation(self, values: dict[str, float], logs: dict[str, Any]) -> str:
        """What is written above the progress bar after an evaluation."""
        raise NotImplementedError

    # the callback

    def return_to_state(self) -> None:
        """Drops what was written after the state's step; those steps come again."""
        keep_history(self.path, self.state.step)
        self._bar.initial = self._bar.n = self.state.step
        self._bar.refresh()

    def begin_interval(self) -> None:
        """Called after each line, and at the start of a round."""
        self._tokens, self._began = 0, time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.begin_interval()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        before, step = self.state.step, self.state.step_after(batch)
        self._tokens += self.tokens(before, step)
        self._bar.update(step - before)
        if not passes(self.every, before, step) and step % self.per_round and step != self.total_steps:
            return
        values = self.measures(logs, self._tokens / (time.perf_counter() - self._began))
        self._bar.set_postfix(self.shown(values), refresh=False)
        self._write(step, "train", values)
        self.begin_interval()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        values = {name: value for name, value in logs.items() if name.startswith("val_")}
        if not values:
            return
        self._write(self.state.step, "dev", values)
        if not self._bar.disable:
            self._bar.write(self.shown_evaluation(values, logs))

    def close(self) -> None:
        self._bar.close()
        self._writer.close()

    def _write(self, step, group, values):
        append_history(self.path, self.line(step, values))
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(f"{group}/{name.removeprefix('val_')}", value)
        self._writer.flush()
