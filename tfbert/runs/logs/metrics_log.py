"""metrics.jsonl, TensorBoard and the progress bar of a run."""

import pathlib
import time

import keras
import tensorflow as tf
import tqdm

from tfbert.runs.logs.history_file import append_history, keep_history
from tfbert.runs.state import passes


class MetricsLog(keras.callbacks.Callback):
    """Writes what a run does: each `every` steps a line with loss, learning rate and tokens/s, each evaluation
    one with the metrics of dev. The same numbers go to TensorBoard and to a progress bar.

    Args:
        folder: the run folder.
        batches: the training `Batches`, which know how many rows and tokens a step has.
        state: the `RunState`, which counts the steps; this callback comes before it.
        total_steps: of the whole run.
        per_round: steps of one of Keras' epochs, which end with an evaluation.
        shown: whether there is a progress bar.
    """

    def __init__(self, folder, batches, state, *, total_steps, per_round, every, shown=True):
        super().__init__()
        self.path, self.batches, self.state = pathlib.Path(folder) / "metrics.jsonl", batches, state
        self.every, self.per_round, self.total_steps = every, per_round, total_steps
        keep_history(self.path, state.step)
        self._writer = tf.summary.create_file_writer(str(pathlib.Path(folder) / "tensorboard"))
        bar = {"unit": "step", "desc": "train", "dynamic_ncols": True, "disable": not shown}
        self._bar = tqdm.tqdm(total=total_steps, initial=state.step, **bar)
        self._interval = None

    def on_epoch_begin(self, epoch, logs=None):
        self._sums = None
        self._start_interval()

    def _start_interval(self):
        self._interval = {"tokens": 0, "began": time.perf_counter()}

    def _running(self):
        """Of Keras' running mean of the loss, the sum and how many terms it is of."""
        loss = next(metric for metric in self.model.metrics if metric.name == "loss")
        return float(keras.ops.convert_to_numpy(loss.total)), float(keras.ops.convert_to_numpy(loss.count))

    def on_train_batch_begin(self, batch, logs=None):
        if self._sums is None:  # RunState has restored the running loss of a resumed round by now
            self._sums = self._running()

    def on_train_batch_end(self, batch, logs=None):
        before, step = self.state.step, self.state.step_after(batch)
        self._interval["tokens"] += sum(self.batches.rows_and_tokens(i)[1] for i in range(before, step))
        self._bar.update(step - before)
        if not passes(self.every, before, step) and step % self.per_round and step != self.total_steps:
            return
        # Keras' loss is the mean over the round so far; the interval's own is the difference of two sums.
        (sum_before, terms_before), self._sums = self._sums, self._running()
        seconds = time.perf_counter() - self._interval["began"]
        values = {
            "loss": (self._sums[0] - sum_before) / (self._sums[1] - terms_before),
            "learning_rate": float(self.model.optimizer.learning_rate),
            "tokens_per_second": self._interval["tokens"] / seconds,
        }
        self._bar.set_postfix(
            {"loss": f"{values['loss']:.3f}", "tokens/s": f"{values['tokens_per_second']:.0f}"}, refresh=False
        )
        self._write(step, "train", values)
        self._start_interval()

    def on_epoch_end(self, epoch, logs=None):
        values = {name: value for name, value in logs.items() if name.startswith("val_")}
        self._write(self.state.step, "dev", values)
        shown = "  ".join(f"{name.removeprefix('val_')} {value:.4f}" for name, value in values.items())
        at = f"epoch {self._epoch(self.state.step):.3g}"
        if self._bar.disable:
            return
        self._bar.write(f"{at}: training loss {logs['loss']:.4f}; dev {shown}")

    def close(self):
        self._bar.close()
        self._writer.close()

    def _write(self, step, group, values):
        line = {"step": step, "epoch": round(self._epoch(step), 4), **values}
        append_history(self.path, line)
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(f"{group}/{name.removeprefix('val_')}", value)
        self._writer.flush()

    def _epoch(self, step):
        return step / self.batches.steps_per_epoch
