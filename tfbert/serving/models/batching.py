"""Joins requests that wait at the same time into one batch. B: rows of a batch.

As TF Serving's shared_batch_scheduler.h does, with three differences: with a timeout of 0 a free thread takes what
waits at once; only texts of similar length are joined, so that short ones are not padded to a long one; and an error
in a batch reaches only the request that caused it.
"""

from __future__ import annotations

import collections
import concurrent.futures
import threading
import time
from collections.abc import Callable, Hashable
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfbert.serving.models.batching_parameters import BatchingParameters
from tfbert.serving.protocol import status_codes

Arrays = dict[str, np.ndarray]
# Two texts are of similar length if the next power of two above their bytes is the same. All texts of up to this many
# bytes are.
_SHORT = 64


class Runnable(Protocol):
    """What a batcher needs of a servable."""

    def run(self, name: str, inputs: Arrays) -> Arrays:
        """All outputs of a signature."""

    def has_batch(self, name: str) -> bool:
        """Whether requests for a signature can be joined."""


class _Request:
    __slots__ = ("signature", "inputs", "rows", "deadline", "future", "queued")

    def __init__(self, signature: str, inputs: Arrays, rows: int, deadline: float | None) -> None:
        self.signature, self.inputs, self.rows, self.deadline = signature, inputs, rows, deadline
        self.future: concurrent.futures.Future[Arrays] = concurrent.futures.Future()
        self.queued = time.monotonic()


class Batcher:
    """Runs the requests for one servable in its own threads, several in one batch where they can be joined.

    Args:
        join: if False, each request runs alone.
        observe: called for each batch with (requests, rows, seconds that the first request waited).

    >>> servable = tfbert.serving.models.servable.Servable("served/mine/1")
    >>> batcher = Batcher(servable, BatchingParameters(max_batch_size=32))
    >>> batcher.submit("serving_default", {"text": np.array([b"a film to treasure"], object)}).result()["label"]
    array([b'…'], dtype=object)
    >>> batcher.close()
    """

    def __init__(
        self,
        servable: Runnable,
        parameters: BatchingParameters,
        *,
        join: bool = True,
        observe: Callable[[int, int, float], None] | None = None,
    ) -> None:
        self._servable, self._parameters, self._join = servable, parameters, join
        self._observe = observe or (lambda requests, rows, waited: None)
        self._timeout = parameters.batch_timeout_micros / 1e6 if join else 0
        self._changed = threading.Condition()
        self._groups: dict[Hashable, collections.deque[_Request]] = {}  # those that can be joined, the oldest first
        self._rows = 0
        self._closing = False
        self._threads = [
            threading.Thread(target=self._work, name=f"tfbert-batch-{number}", daemon=True)
            for number in range(parameters.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting_rows(self) -> int:
        """Rows that wait for a thread."""
        return self._rows

    def submit(
        self, signature: str, inputs: Arrays, *, deadline: float | None = None
    ) -> concurrent.futures.Future[Arrays]:
        """A Future of the outputs; a request whose Future is cancelled while it waits does not run.

        Nor does one that still waits at `deadline`, by `time.monotonic`: its Future has a DeadlineExceededError.

        Raises:
            tf.errors.UnavailableError: the queue is full, or the batcher is closing.
        """
        joined = self._join and bool(inputs) and self._servable.has_batch(signature)
        # An empty batch counts as one row, and so does a request without a batch dimension.
        rows = max(len(next(iter(inputs.values()))), 1) if joined else 1
        request = _Request(signature, inputs, rows, deadline)
        limit = self._parameters.max_batch_size
        group = (signature, *map(_kind, inputs.values())) if joined and rows < limit else request
        with self._changed:
            if self._closing:
                raise status_codes.error(tf.errors.UnavailableError, "this version is being unloaded")
            if self._rows and self._rows + rows > limit * self._parameters.max_enqueued_batches:
                raise status_codes.error(
                    tf.errors.UnavailableError,
                    f"The batch scheduling queue to which this task was submitted is full; {self._rows} rows wait",
                )
            self._groups.setdefault(group, collections.deque()).append(request)
            self._rows += rows
            self._changed.notify()
        return request.future

    def close(self, timeout: float | None = None) -> None:
        """Runs what waits and ends the threads; after `timeout` seconds the threads finish by themselves."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(deadline - time.monotonic(), 0))

    def _work(self) -> None:
        while (requests := self._next()) is not None:
            if requests:
                waited = time.monotonic() - requests[0].queued
                self._observe(len(requests), sum(request.rows for request in requests), waited)
                self._run(requests)

    def _next(self) -> list[_Request] | None:
        """The requests of the next batch without those that nobody waits for; None when closing and nothing waits."""
        with self._changed:
            while True:
                now = time.monotonic()
                ready, due = None, None
                for group, requests in self._groups.items():
                    head = requests[0].queued
                    full = sum(request.rows for request in requests) >= self._parameters.max_batch_size
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

    def _take(self, group: Hashable) -> list[_Request]:
        waiting, taken, rows, now = self._groups[group], [], 0, time.monotonic()
        while waiting and (not rows or rows + waiting[0].rows <= self._parameters.max_batch_size):
            request = waiting.popleft()
            self._rows -= request.rows
            if not request.future.set_running_or_notify_cancel():
                continue
            if request.deadline is not None and request.deadline <= now:
                late = status_codes.error(tf.errors.DeadlineExceededError, "the deadline passed before the batch began")
                request.future.set_exception(late)
                continue
            taken.append(request)
            rows += request.rows
        if not waiting:
            del self._groups[group]
        return taken

    def _run(self, requests: list[_Request]) -> None:
        try:
            outputs = self._compute(requests)
        except Exception as error:
            if len(requests) == 1:
                requests[0].future.set_exception(error)
            else:  # halving finds the request that fails; all others get their outputs
                middle = len(requests) // 2
                self._run(requests[:middle])
                self._run(requests[middle:])
            return
        for request, each in zip(requests, outputs, strict=True):
            request.future.set_result(each)

    def _compute(self, requests: list[_Request]) -> list[Arrays]:
        """The outputs of each request; [B, ...] arrays are joined, and split again at the requests' ends."""
        first = requests[0]
        if len(requests) == 1:
            return [self._servable.run(first.signature, first.inputs)]
        joined = {name: np.concatenate([request.inputs[name] for request in requests]) for name in first.inputs}
        outputs = self._servable.run(first.signature, joined)
        ends = np.cumsum([len(next(iter(request.inputs.values()))) for request in requests])
        for name, array in outputs.items():
            if array.shape[:1] != (ends[-1],):
                raise ValueError(f"output {name!r} has shape {list(array.shape)}, not {ends[-1]} rows")
        parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
        return [{name: arrays[number] for name, arrays in parts.items()} for number in range(len(requests))]


def _kind(array: np.ndarray) -> Hashable:
    """What two arrays must share to be joined: the shape of a row and, for texts, the rough length."""
    if array.dtype != object:
        return array.shape[1:]
    longest = max(map(len, array.ravel()), default=0)
    return array.shape[1:], max(longest, _SHORT).bit_length()
