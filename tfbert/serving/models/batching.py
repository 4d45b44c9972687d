"""Requests that wait at the same time are computed as one batch. B rows of a batch.

As in TF Serving's shared_batch_scheduler.h, but for three things: a free thread takes at once what waits (with a
timeout of 0), texts of like length are joined, so that short ones are not padded to a long one, and an error
in a joined batch is told to the request that caused it alone.
"""

import collections
import concurrent.futures
import threading
import time

import numpy as np
import tensorflow as tf

# Texts are alike when the power of two above their bytes is; all up to this many bytes are alike.
_SHORT = 64


class _Task:
    __slots__ = ("key", "inputs", "rows", "future", "queued")

    def __init__(self, key, inputs, rows):
        self.key, self.inputs, self.rows = key, inputs, rows
        self.future = concurrent.futures.Future()
        self.queued = time.monotonic()


class Batcher:
    """Computes requests for one servable in threads of its own, several at once where they can be joined.

    `servable`: has `run(key, inputs)` and `has_batch(key)`; `parameters`: `BatchingParameters`; `join`: False
    computes each request alone; `observe`: called with (requests, rows, seconds that the first one waited) of
    each batch.

    >>> batcher = Batcher(servable, BatchingParameters(max_batch_size=32))
    >>> batcher.submit("serving_default", {"text": np.array([b"a text"], object)}).result()["label"]
    array([b'positive'], dtype=object)
    """

    def __init__(self, servable, parameters, *, join=True, observe=None):
        self._servable, self._parameters, self._join = servable, parameters, join
        self._observe = observe or (lambda requests, rows, waited: None)
        self._timeout = parameters.batch_timeout_micros / 1e6 if join else 0
        self._changed = threading.Condition()
        self._groups = {}  # what may be joined -> its tasks, the oldest first
        self._rows = 0
        self._closing = False
        self._threads = [
            threading.Thread(target=self._work, name=f"tfbert-batch-{number}", daemon=True)
            for number in range(parameters.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting_rows(self):
        """Rows that no thread has begun."""
        return self._rows

    def submit(self, key, inputs):
        """A `concurrent.futures.Future` of the outputs; cancelled while it waits, it is not computed.

        Raises `tf.errors.UnavailableError` where too much waits already.
        """
        joined = self._join and bool(inputs) and self._servable.has_batch(key)
        # What has no batch dimension counts as one row, and so does an empty batch.
        rows = max(len(next(iter(inputs.values()))), 1) if joined else 1
        task = _Task(key, inputs, rows)
        limit = self._parameters.max_batch_size
        group = (key, *map(_kind, inputs.values())) if joined and rows < limit else task
        with self._changed:
            if self._closing:
                raise tf.errors.UnavailableError(None, None, "this version is being unloaded")
            if self._rows and self._rows + rows > limit * self._parameters.max_enqueued_batches:
                raise tf.errors.UnavailableError(
                    None,
                    None,
                    f"The batch scheduling queue to which this task was submitted is full; {self._rows} rows wait",
                )
            self._groups.setdefault(group, collections.deque()).append(task)
            self._rows += rows
            self._changed.notify()
        return task.future

    def close(self, timeout=None):
        """Computes what waits and ends the threads, or leaves them to it after `timeout` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(deadline - time.monotonic(), 0))

    def _work(self):
        while (tasks := self._next()) is not None:
            if tasks:
                self._observe(len(tasks), sum(task.rows for task in tasks), time.monotonic() - tasks[0].queued)
                self._run(tasks)

    def _next(self):
        """The tasks of the next batch, those cancelled left out; None when closing and nothing waits."""
        with self._changed:
            while True:
                now = time.monotonic()
                ready, due = None, None
                for group, tasks in self._groups.items():
                    head = tasks[0].queued
                    full = sum(task.rows for task in tasks) >= self._parameters.max_batch_size
                    if self._closing or not self._timeout or full or now - head >= self._timeout:
                        if ready is None or head < self._groups[ready][0].queued:
                            ready = group
                    else:
                        due = head if due is None else min(due, head)
                if ready is not None:
                    return self._take(ready)
                if self._closing:
                    return None
                self._changed.wait(None if due is None else due + self._timeout - now)

    def _take(self, group):
        waiting, taken, rows = self._groups[group], [], 0
        while waiting and (not rows or rows + waiting[0].rows <= self._parameters.max_batch_size):
            task = waiting.popleft()
            self._rows -= task.rows
            if task.future.set_running_or_notify_cancel():
                taken.append(task)
                rows += task.rows
        if not waiting:
            del self._groups[group]
        return taken

    def _run(self, tasks):
        try:
            answers = self._compute(tasks)
        except Exception as error:
            if len(tasks) == 1:
                tasks[0].future.set_exception(error)
            else:  # the one that fails is found by halves; its neighbours get their answers
                middle = len(tasks) // 2
                self._run(tasks[:middle])
                self._run(tasks[middle:])
            return
        for task, outputs in zip(tasks, answers, strict=True):
            task.future.set_result(outputs)

    def _compute(self, tasks):
        first = tasks[0]
        if len(tasks) == 1:
            return [self._servable.run(first.key, first.inputs)]
        joined = {name: np.concatenate([task.inputs[name] for task in tasks]) for name in first.inputs}
        outputs = self._servable.run(first.key, joined)
        ends = np.cumsum([len(next(iter(task.inputs.values()))) for task in tasks])
        for name, array in outputs.items():
            if array.shape[:1] != (ends[-1],):
                raise ValueError(f"output {name!r} has shape {list(array.shape)}, not {ends[-1]} rows")
        parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
        return [{name: arrays[number] for name, arrays in parts.items()} for number in range(len(tasks))]


def _kind(array):
    """What two arrays must share to be joined: the shape of a row and, of texts, about how long they are."""
    if array.dtype != object:
        return array.shape[1:]
    longest = max(map(len, array.ravel()), default=0)
    return array.shape[1:], max(longest, _SHORT).bit_length()
