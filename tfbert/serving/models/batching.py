"""Joins requests that wait at the same time into one batch, and cuts large ones into several. B: rows of a batch.

As TF Serving's shared_batch_scheduler.h does, with three differences: with a timeout of 0 a free thread takes what
waits at once, texts of any length, as the exported graphs compute nothing for padding; an error in a batch reaches
only the request that caused it; and of a large request as many pieces wait at a time as threads could run, so that the
requests of others pass between them.
"""

from __future__ import annotations

import collections
import concurrent.futures
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from tfbert.serving.models import large_requests
from tfbert.serving.models.batching_parameters import BatchingParameters
from tfbert.serving.models.engine import Engine
from tfbert.serving.models.queued_request import Piece, QueuedRequest
from tfbert.serving.protocol.status_codes import Code, StatusError, invalid

Arrays = dict[str, np.ndarray]
# Then another thread follows it: oneDNN keeps code for a thousand shapes of matrices in each thread, 200 MB of it.
_BATCHES_OF_A_THREAD = 16


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
        servable: Engine,
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
        self._groups: dict[Hashable, collections.deque[Piece]] = {}  # those that can be joined, the oldest first
        self._rows, self._idle, self._closing = 0, 0, False
        self._cutter = large_requests.Cutter(self._most_rows, parameters.num_batch_threads)
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
        pieces = self._pieces(request, next(steps))
        rows = sum(piece.rows for piece in pieces)
        with self._changed:
            if self._closing:
                raise StatusError(Code.UNAVAILABLE, "this version is being unloaded")
            if self._rows and self._rows + rows > self._most_rows * self._parameters.max_enqueued_batches:
                full = "The batch scheduling queue to which this task was submitted is full"
                raise StatusError(Code.UNAVAILABLE, f"{full}; {self._rows} rows wait")
            self._enqueue(pieces)
        request.future.add_done_callback(lambda future: future.cancelled() and self._withdraw(request))
        return request.future

    def _has_rows(self, signature: str, inputs: Arrays) -> bool:
        return bool(inputs) and self._servable.has_batch(signature)

    def _pieces(self, request: QueuedRequest, batches: Sequence[Arrays]) -> list[Piece]:
        request.ask(len(batches))
        return [self._piece(request, place, inputs) for place, inputs in enumerate(batches)]

    def _piece(self, request: QueuedRequest, place: int, inputs: Arrays) -> Piece:
        has_rows = self._has_rows(request.signature, inputs)
        # An empty batch counts as one row, and so does a request without a batch dimension.
        sizes = (large_requests.sizes(inputs) if has_rows else []) or [0]
        piece = Piece(request, place, inputs, len(sizes), sum(sizes), group=request)
        if self._join and has_rows and not self._full([piece]):
            piece.group = (request.signature, *[array.shape[1:] for array in inputs.values()])
        return piece

    def _full(self, pieces: Iterable[Piece]) -> bool:
        """Whether nothing more can join these."""
        rows, size = map(sum, zip(*[(piece.rows, piece.size) for piece in pieces], strict=True))
        return rows >= self._most_rows or size >= self._most_bytes

    def _enqueue(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            piece.queued = time.monotonic()
            self._groups.setdefault(piece.group, collections.deque()).append(piece)
            self._rows += piece.rows
        self._changed.notify(len(pieces))

    def _withdraw(self, request: QueuedRequest) -> None:
        """Takes the pieces of a request out of the queue, if some are there, and lets go of its arrays."""
        with self._changed:
            for group, waiting in list(self._groups.items()):
                left = collections.deque(piece for piece in waiting if piece.request is not request)
                if len(left) < len(waiting):
                    self._rows -= sum(piece.rows for piece in waiting) - sum(piece.rows for piece in left)
                    request.finish()
                    self._groups[group] = left
                    if not left:
                        del self._groups[group]

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
            if (pieces := self._next()) is None:
                return
            if pieces:
                waited = time.monotonic() - pieces[0].queued
                self._observe(len(pieces), sum(piece.rows for piece in pieces), waited)
                self._run(pieces)
        self._threads[number] = self._thread(number)

    def _next(self) -> list[Piece] | None:
        """The pieces of the next batch without those that nobody waits for; None when closing and nothing waits."""
        with self._changed:
            while True:
                now = time.monotonic()
                ready, due = None, None
                for group, pieces in self._groups.items():
                    head = pieces[0].queued
                    waits = self._timeout and not self._closing and now - head < self._timeout
                    if not waits or self._full(pieces):
                        if ready is None or head < self._groups[ready][0].queued:
                            ready = group
                    else:
                        due = head if due is None else min(due, head)
                if ready is not None or self._closing:
                    return None if ready is None else self._take(ready)
                self._idle += 1
                self._changed.wait(None if due is None else due + self._timeout - now)
                self._idle -= 1

    def _take(self, group: Hashable) -> list[Piece]:
        """The oldest pieces of a group that fit into a batch; free threads share them."""
        waiting, taken, rows, size, now = self._groups[group], [], 0, 0, time.monotonic()
        share = -(-sum(piece.rows for piece in waiting) // (self._idle + 1))
        while waiting and rows < share:
            piece = waiting[0]
            if taken and (rows + piece.rows > self._most_rows or size + piece.size > self._most_bytes):
                break
            waiting.popleft()
            self._rows -= piece.rows
            if not piece.request.is_dropped(now):
                piece.request.begun = True
                taken.append(piece)
                rows, size = rows + piece.rows, size + piece.size
        if not waiting:
            del self._groups[group]
        return taken

    def _run(self, pieces: list[Piece]) -> None:
        try:
            outputs = self._compute(pieces)
        except Exception as error:
            if len(pieces) == 1:
                pieces[0].request.finish(error=error)
                return
            now, middle = time.monotonic(), len(pieces) // 2
            for half in (pieces[:middle], pieces[middle:]):  # so all but the request that fails get their outputs
                if wanted := [piece for piece in half if not piece.request.is_dropped(now)]:
                    self._run(wanted)
            return
        for piece, each in zip(pieces, outputs, strict=True):
            self._advance(piece, each)

    def _advance(self, piece: Piece, outputs: Arrays) -> None:
        """Takes the outputs to their request, which is done, or waits, behind all others, for more batches."""
        request = piece.request
        try:
            if request.hold is not None:
                request.hold(large_requests.held_bytes(outputs))
            if (answers := request.answered(piece.place, outputs)) is None:
                return
            following = request.steps.send(answers)
        except StopIteration as done:
            request.finish(done.value)
        except Exception as error:
            request.finish(error=error)
        else:
            if not request.is_dropped(time.monotonic()):
                pieces = self._pieces(request, following)
                with self._changed:
                    self._enqueue(pieces)

    def _compute(self, pieces: list[Piece]) -> list[Arrays]:
        """The outputs of each piece; [B, ...] arrays are joined, and split again at the pieces' ends."""
        signature, inputs = pieces[0].request.signature, pieces[0].inputs
        if len(pieces) > 1:
            inputs = {name: np.concatenate([piece.inputs[name] for piece in pieces]) for name in inputs}
        outputs = self._servable.run(signature, inputs)
        if len(pieces) == 1:
            return [outputs]
        return large_requests.parted(outputs, [len(next(iter(piece.inputs.values()))) for piece in pieces])
