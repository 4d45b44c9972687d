"""metrics.jsonl, TensorBoard and the progress bar of a pretraining run."""

import math
import pathlib
import time

import keras
import tensorflow as tf
import tqdm

from tfbert.runs.logs.history_file import append_history, keep_history
from tfbert.runs.state import passes
from tfbert.training.flops import flops_per_token


class PretrainLog(keras.callbacks.Callback):
    """Writes what a run does: each `every` steps a line with the means since the line before, and each evaluation one.

    Of training: loss, MLM accuracy and perplexity, NSP accuracy, gradient norm, learning rate, non-padding tokens a
    second and, where a peak is stated, which share of it the model's arithmetic is (MFU; Chowdhery et al. 2022, B).

    Args:
        folder: the run folder.
        batches: the training `PretrainingBatches`.
        state: the `RunState`, which counts the steps; this callback comes before it.
        total_steps: of the whole run.
        per_round: steps of one of Keras' epochs, which end with an evaluation.
        peak_flops: of the device a second; 0 where it is not known.
        shown: whether there is a progress bar.
    """

    def __init__(self, folder, batches, state, *, total_steps, per_round, every, peak_flops=0.0, shown=True):
        super().__init__()
        self.path, self.batches, self.state = pathlib.Path(folder) / "metrics.jsonl", batches, state
        self.every, self.per_round, self.total_steps, self.peak_flops = every, per_round, total_steps, peak_flops
        self._writer = tf.summary.create_file_writer(str(pathlib.Path(folder) / "tensorboard"))
        bar = {"unit": "step", "desc": "pretrain", "dynamic_ncols": True, "disable": not shown}
        self._bar = tqdm.tqdm(total=total_steps, **bar)
        self.go_back()

    def go_back(self):
        """Drops what was written after the state's step; those steps come again."""
        keep_history(self.path, self.state.step)
        self._bar.n = self.state.step
        self._bar.refresh()

    def on_epoch_begin(self, epoch, logs=None):
        self._steps, self._began = 0, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        before, step = self.state.step, self.state.step_after(batch)
        self._steps += step - before
        self._bar.update(step - before)
        if not passes(self.every, before, step) and step % self.per_round and step != self.total_steps:
            return
        tokens = self._steps * self.batches.tokens_per_step / (time.perf_counter() - self._began)
        values = {name: float(value) for name, value in logs.items()}
        values["mlm_perplexity"] = math.exp(min(values["mlm_loss"], 700.0))
        values["learning_rate"] = float(self.model.optimizer.learning_rate)
        values["tokens_per_second"] = tokens
        if self.peak_flops:
            flops = flops_per_token(self.model.encoder.config, self.batches)
            values["model_flops_utilization"] = tokens * flops / self.peak_flops
        shown = {
            "loss": f"{values['loss']:.3f}",
            "mlm": f"{values['mlm_accuracy']:.3f}",
            "tokens/s": f"{tokens:,.0f}",
        }
        self._bar.set_postfix(shown, refresh=False)
        self._write(step, "train", values)
        logs["interval_loss"] = values["loss"]  # `BlowUpGuard` comes next
        self.model.reset_metrics()
        self._steps, self._began = 0, time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        values = {name: value for name, value in logs.items() if name.startswith("val_")}
        if not values:
            return
        self._write(self.state.step, "dev", values)
        if self._bar.disable:
            return
        shown = "  ".join(f"{name.removeprefix('val_')} {value:.4g}" for name, value in values.items())
        self._bar.write(f"step {self.state.step:,}: held out {shown}")

    def close(self):
        self._bar.close()
        self._writer.close()

    def _write(self, step, group, values):
        # NaN is no JSON; a run that has come to it stops right after
        line = {"step": step, **{name: value for name, value in values.items() if math.isfinite(value)}}
        append_history(self.path, line)
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(f"{group}/{name.removeprefix('val_')}", value)
        self._writer.flush()
