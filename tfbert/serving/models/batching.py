"""Joins requests that wait at the same time into one batch, and cuts large ones into several. B: rows of a batch.

As TF Serving's shared_batch_scheduler.h does, with three differences: with a timeout of 0 a free thread takes what
waits at once, texts of any length, as the exported graphs compute nothing for padding; an error in a batch reaches
only the request that caused it; and of a large request one piece at a time waits, so that the requests of others pass
between them.
"""

from __future__ import annotations

import collections
import concurrent.futures
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Protocol

import numpy as np

from tfbert.serving.models import large_requests
from tfbert.serving.models.batching_parameters import BatchingParameters
from tfbert.serving.models.queued_request import QueuedRequest
from tfbert.serving.protocol.status_codes import Code, StatusError, invalid

Arrays = dict[str, np.ndarray]
# Then another thread follows it: oneDNN keeps code for a thousand shapes of matrices in each thread, 200 MB of it.
_BATCHES_OF_A_THREAD = 16


class Runnable(Protocol):
    """What a batcher needs of a servable."""

    def run(self, name: str, inputs: Arrays) -> Arrays:
        """All outputs of a signature."""

    def has_batch(self, name: str) -> bool:
        """Whether requests for a signature can be joined."""


class Batcher:
    """Runs the requests for one servable in its own threads, several in one batch where they can be joined.

    Args:
        join: if False, each request runs alone.
        observe: called for each batch with (requests, rows, seconds that the first request waited).

    >>> from tfbert.serving.models.servable import Servable
    >>> batcher = Batcher(Servable("served/mine/1"), BatchingParameters(max_batch_size=32))
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
        self._most_rows, self._most_bytes = parameters.batch_rows, parameters.batch_rows * large_requests.ROW_BYTES
        self._changed = threading.Condition()
        # Those that can be joined, the oldest first.
        self._groups: dict[Hashable, collections.deque[QueuedRequest]] = {}
        self._rows, self._closing = 0, False
        self._cutter = large_requests.Cutter(self._most_rows)
        self._threads = [self._thread(number) for number in range(parameters.num_batch_threads)]

    @property
    def waiting_rows(self) -> int:
        """Rows that wait for a thread, of large requests the next piece."""
        return self._rows

    def submit(
        self,
        signature: str,
        inputs: Arrays,
        *,
        deadline: float | None = None,
        hold: Callable[[int], None] | None = None,
    ) -> concurrent.futures.Future[Arrays]:
        """A Future of the outputs. Nothing more is computed of a request whose Future is cancelled.

        Nor of one that is not done at `deadline`, by `time.monotonic`: its Future has a DeadlineExceededError.

        Args:
            hold: called with the bytes of the outputs of each batch; what it raises ends the request.

        Raises:
            StatusError: UNAVAILABLE: the queue is full, or the batcher is closing.
            INVALID_ARGUMENT: more rows than the parameters allow.
        """
        has_rows, most = self._has_rows(signature, inputs), self._parameters.request_rows
        if has_rows and most is not None and (rows := len(next(iter(inputs.values())))) > most:
            raise invalid(f"Task size {rows} is larger than maximum input batch size {most}")
        steps = self._cutter.batches(signature, inputs) if has_rows else large_requests.alone(inputs)
        request = QueuedRequest(signature, steps, deadline, hold)
        self._prepare(request, next(request.steps))
        with self._changed:
            if self._closing:
                raise StatusError(Code.UNAVAILABLE, "this version is being unloaded")
            if self._rows and self._rows + request.rows > self._most_rows * self._parameters.max_enqueued_batches:
                raise StatusError(
                    Code.UNAVAILABLE,
                    f"The batch scheduling queue to which this task was submitted is full; {self._rows} rows wait",
                )
            self._enqueue(request)
        request.future.add_done_callback(lambda future: future.cancelled() and self._withdraw(request))
        return request.future

    def _has_rows(self, signature: str, inputs: Arrays) -> bool:
        return bool(inputs) and self._servable.has_batch(signature)

    def _prepare(self, request: QueuedRequest, inputs: Arrays) -> None:
        """Sets the inputs of the request's next batch, and what it may be joined with."""
        has_rows = self._has_rows(request.signature, inputs)
        # An empty batch counts as one row, and so does a request without a batch dimension.
        sizes = (large_requests.sizes(inputs) if has_rows else []) or [0]
        request.inputs, request.rows, request.size = inputs, len(sizes), sum(sizes)
        can_join = self._join and has_rows and not self._full([request])
        request.group = (request.signature, *[array.shape[1:] for array in inputs.values()]) if can_join else request

    def _full(self, requests: Iterable[QueuedRequest]) -> bool:
        """Whether nothing more can join these."""
        rows, size = map(sum, zip(*[(request.rows, request.size) for request in requests], strict=True))
        return rows >= self._most_rows or size >= self._most_bytes

    def _enqueue(self, request: QueuedRequest) -> None:
        request.queued = time.monotonic()
        self._groups.setdefault(request.group, collections.deque()).append(request)
        self._rows += request.rows
        self._changed.notify()

    def _withdraw(self, request: QueuedRequest) -> None:
        """Takes a request out of the queue, and lets go of its arrays, if it is there."""
        with self._changed:
            waiting = self._groups.get(request.group, ())
            if request in waiting:
                waiting.remove(request)
                self._rows -= request.rows
                if not waiting:
                    del self._groups[request.group]
                request.finish()

    def close(self, timeout: float | None = None) -> None:
        """Runs what waits and ends the threads; after `timeout` seconds the threads finish by themselves."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        deadline = None if timeout is None else time.monotonic() + timeout
        for number in range(len(self._threads)):
            thread = None
            while thread is not self._threads[number]:  # one that ends may have been followed by another
                thread = self._threads[number]
                thread.join(None if deadline is None else max(deadline - time.monotonic(), 0))

    def _thread(self, number: int) -> threading.Thread:
        thread = threading.Thread(target=self._work, args=(number,), name=f"tfbert-batch-{number}", daemon=True)
        thread.start()
        return thread

    def _work(self, number: int) -> None:
        for _ in range(_BATCHES_OF_A_THREAD):
            if (requests := self._next()) is None:
                return
            if requests:
                rows = sum(request.rows for request in requests)
                self._observe(len(requests), rows, time.monotonic() - requests[0].queued)
                self._run(requests)
        self._threads[number] = self._thread(number)

    def _next(self) -> list[QueuedRequest] | None:
        """The requests of the next batch without those that nobody waits for; None when closing and nothing waits."""
        with self._changed:
            while True:
                now = time.monotonic()
                ready, due = None, None
                for group, requests in self._groups.items():
                    head = requests[0].queued
                    waits = self._timeout and not self._closing and now - head < self._timeout
                    if not waits or self._full(requests):
                        if ready is None or head < self._groups[ready][0].queued:
                            ready = group
                    else:
                        due = head if due is None else min(due, head)
                if ready is not None:
                    return self._take(ready)
                if self._closing:
                    return None
                self._changed.wait(None if due is None else due + self._timeout - now)

    def _take(self, group: Hashable) -> list[QueuedRequest]:
        waiting, taken, rows, size, now = self._groups[group], [], 0, 0, time.monotonic()
        while waiting:
            request = waiting[0]
            if taken and (rows + request.rows > self._most_rows or size + request.size > self._most_bytes):
                break
            waiting.popleft()
            self._rows -= request.rows
            if not request.is_dropped(now):
                request.begun = True
                taken.append(request)
                rows, size = rows + request.rows, size + request.size
        if not waiting:
            del self._groups[group]
        return taken

    def _run(self, requests: list[QueuedRequest]) -> None:
        try:
            outputs = self._compute(requests)
        except Exception as error:
            if len(requests) == 1:
                requests[0].finish(error=error)
                return
            now, middle = time.monotonic(), len(requests) // 2
            for half in (requests[:middle], requests[middle:]):  # so all but the request that fails get their outputs
                if wanted := [request for request in half if not request.is_dropped(now)]:
                    self._run(wanted)
            return
        for request, each in zip(requests, outputs, strict=True):
            self._advance(request, each)

    def _advance(self, request: QueuedRequest, outputs: Arrays) -> None:
        """Takes the outputs of a batch to its request, which is done or waits, behind all others, for another batch."""
        try:
            if request.hold is not None:
                request.hold(large_requests.held_bytes(outputs))
            following = request.steps.send(outputs)
        except StopIteration as done:
            request.finish(done.value)
        except Exception as error:
            request.finish(error=error)
        else:
            if not request.is_dropped(time.monotonic()):
                self._prepare(request, following)
                with self._changed:
                    self._enqueue(request)

    def _compute(self, requests: list[QueuedRequest]) -> list[Arrays]:
        """The outputs of each request; [B, ...] arrays are joined, and split again at the requests' ends."""
        first = requests[0]
        if len(requests) == 1:
            return [self._servable.run(first.signature, first.inputs)]
        joined = {name: np.concatenate([request.inputs[name] for request in requests]) for name in first.inputs}
        outputs = self._servable.run(first.signature, joined)
        return large_requests.parted(outputs, [len(next(iter(request.inputs.values()))) for request in requests])
