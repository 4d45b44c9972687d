"""The checkpoint of a run: model, optimizer, step and what was best so far; from it an interrupted run resumes."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import signal
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from tfbert.errors import CheckpointError, Preempted
from tfbert.files import disk_errors
from tfbert.runs.checkpoint_files import damage, name_newest, names_in, paths_in, remove_strays, write_checksums
from tfbert.training.strategy import across_hosts

_KEPT = 2  # the newest, and the one before it should the newest be damaged


class RunState(keras.callbacks.Callback):
    """Saves the run every `every` steps, at the end of a round, and on ^C or SIGTERM on any host.

    It is the last callback. A round is one of Keras' epochs, `per_round` steps with the evaluation after them; the
    last may be shorter. Its last step is saved after the evaluation: a run that resumed from before would miss it.

    The checkpoint is a flat group of all variables. An object graph would leave out the seeds of dropout and the
    running loss, and a resumed run would not equal an uninterrupted one. The checksums of its files lie beside it.

    Args:
        folder: where checkpoints are written.
        model: compiled; its optimizer is built.
        every: steps between two checkpoints.
        total_steps: of the whole run.
        restore_from: where they are read, on hosts that write to a folder aside.
        asynchronous: whether training continues while a checkpoint is written from a copy in the host's memory. With
            None, only where a GPU or TPU trains, which writing does not slow down.

    Attributes:
        step: optimizer steps done.
        notes: JSON values that callbacks keep here, such as the best metric so far.

    >>> model.compile()
    >>> state = RunState("new/checkpoints", model, every=500, per_round=2105, total_steps=4210)
    >>> state.restore()
    0
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        model: keras.Model,
        *,
        every: int,
        per_round: int,
        total_steps: int,
        restore_from: str | os.PathLike | None = None,
        asynchronous: bool | None = None,
    ) -> None:
        super().__init__()
        self.folder, self.every, self.step, self.notes = pathlib.Path(folder), every, 0, {}
        self.per_round, self.total_steps = per_round, total_steps
        self._strategy = model.distribute_strategy
        with self._strategy.scope():
            model.optimizer.build(model.trainable_variables)
        self._notes = tf.Variable("{}", dtype=tf.string, trainable=False)
        self._metric_values = _flat([v for metric in model.metrics for v in metric.variables])
        values = _flat([*model.variables, *model.optimizer.variables])
        self._saved = {"values": values, "metrics": self._metric_values, "notes": self._notes}
        self._checkpoint = written = tf.train.Checkpoint(**self._saved)
        self._copies, self._writer, self._writing = None, None, None
        if asynchronous or (asynchronous is None and _trains_on_accelerator(self._strategy)):
            self._copies = tf.nest.map_structure(_copy_on_host, self._saved)
            written = tf.train.Checkpoint(**self._copies)
            self._writer = concurrent.futures.ThreadPoolExecutor(1, "checkpoint")
        written.save_counter  # noqa: B018, made here: `restore` asks for it
        self._written, self._names = written, names_in(self.folder)
        self._restore_from = pathlib.Path(restore_from or folder)
        self._restored_metrics = self._signal = None
        self._first = 0  # the step that this `fit` of a round began with
        self._previous_handlers = {}

    def restore(self) -> int:
        """Loads the newest checkpoint that is not damaged, if there is any; returns its step.

        Raises:
            CheckpointError: it does not fit the model, or all are damaged.
        """
        self.wait()
        if self.folder.absolute() == self._restore_from.absolute() and self._names:
            remove_strays(self.folder, self._names)
        path = self._newest_whole()
        steps = across_hosts(self._strategy, int(path.rpartition("-")[2]) if path else 0)
        if len(set(steps)) > 1:
            raise CheckpointError(
                f"the hosts see checkpoints of different steps, {', '.join(map(str, sorted(set(steps))))}: "
                f"{self._restore_from} must be in a file system that they share"
            )
        if path is None:
            return 0
        try:
            self._checkpoint.restore(path).assert_consumed()
        except (tf.errors.OpError, ValueError, IndexError, AssertionError) as error:
            first_line = (str(error).splitlines() or [""])[0]
            raise CheckpointError(f"{path} does not fit this run or is damaged: {first_line}") from error
        notes = json.loads(self._notes.numpy())
        self.step = notes.pop("step")
        self.notes = notes
        if self.step % self.per_round:  # else the next round begins with none; these are of the evaluation
            self._restored_metrics = [variable.numpy() for variable in self._metric_values]
        return self.step

    def _newest_whole(self):
        paths = paths_in(self._restore_from)
        for path in reversed(paths):
            fault = damage(path)
            if fault is None:
                return path
            logging.warning("checkpoint %s is damaged (%s); looking for the one before", path, fault)
        if paths:
            raise CheckpointError(f"no checkpoint in {self._restore_from} is whole; remove it to start again")
        return None

    @property
    def newest(self) -> int | None:
        """The step of the newest checkpoint, or None."""
        paths = paths_in(self._restore_from)  # the same on every host
        return int(paths[-1].rpartition("-")[2]) if paths else None

    def save(self) -> None:
        """Writes a checkpoint and then names it the newest; where it is asynchronous, `wait` waits for it.

        Raises:
            DiskError: it, or the one before, could not be written; the newest that was written stays.
        """
        self.wait()
        self._notes.assign(json.dumps({**self.notes, "step": self.step}))
        if self._writer is None:
            self._write(self.step)
            return
        tf.nest.map_structure(lambda copy, value: copy.assign(tf.convert_to_tensor(value)), self._copies, self._saved)
        self._writing = self._writer.submit(self._write, self.step)

    def wait(self) -> None:
        """Waits until what `save` has begun is written. Raises its DiskError."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def _write(self, step):
        def kept():
            newest = self.folder / self._names[-1] if self._names else "its start"
            return f"the run resumes from {newest} when there is room"

        with disk_errors(f"a checkpoint to {self.folder}", kept, errors=(tf.errors.OpError,)):
            name = f"ckpt-{step}"
            self._written.write(str(self.folder / name))
            write_checksums(self.folder / name)
            self._names = [*(known for known in self._names if known != name), name][-_KEPT:]
            name_newest(self.folder, self._names)

    def on_train_begin(self, logs: Any = None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous_handlers[number] = signal.signal(number, self._interrupt)
            except ValueError:  # not the main thread: whoever runs us takes the signals
                break

    def on_train_end(self, logs: Any = None) -> None:
        self.release()
        self.wait()

    def release(self) -> None:
        """Restores the signal handlers of before `fit`."""
        while self._previous_handlers:
            signal.signal(*self._previous_handlers.popitem())

    def _interrupt(self, number, frame):
        # A second ^C ends at once. A second SIGTERM asks for nothing new: a scheduler and `tfbert suite` each send one.
        if self._signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._first = self.step
        if self._restored_metrics is not None:  # Keras has just reset them; this round began before the interruption
            for variable, value in zip(self._metric_values, self._restored_metrics, strict=True):
                variable.assign(value)
            self._restored_metrics = None

    def step_after(self, batch: int) -> int:
        """The step of the run that ends with a batch of Keras' epoch, which is the last of several in one execution."""
        return self._first + min(batch + 1, self.params["steps"])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        before, self.step = self.step, self.step_after(batch)
        if self._ends_round(self.step):
            return  # on_epoch_end saves it
        if self._asked():
            self.save()
            self._leave()
        if passes(self.every, before, self.step):
            self.save()

    def _asked(self):
        """Whether a signal has come, on any host: all save the same step and leave together."""
        self._signal = max(across_hosts(self._strategy, self._signal or 0)) or None
        return self._signal is not None

    def _leave(self):
        self.wait()
        raise Preempted if self._signal == signal.SIGTERM else KeyboardInterrupt

    def is_saved_at(self, step: int) -> bool:
        """Whether the weights of a step after `self.step` are going to be saved."""
        return self._ends_round(step) or passes(self.every, self.step, step) or self._signal is not None

    def _ends_round(self, step):
        return step % self.per_round == 0 or step == self.total_steps

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.save()
        if self._asked():
            self._leave()


def _trains_on_accelerator(strategy):
    return bool(tf.config.list_logical_devices("GPU")) or isinstance(strategy, tf.distribute.TPUStrategy)


def _copy_on_host(variable):
    with tf.device("CPU:0"):
        return tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)


def passes(every: int, before: int, after: int) -> bool:
    """Whether one of the steps after `before`, up to `after`, is a multiple of `every`.

    >>> passes(5, 4, 5), passes(5, 5, 9)
    (True, False)
    """
    return after // every > before // every


def _flat(variables):
    return [variable.value for variable in {id(v): v for v in variables}.values()]
