"""A request of a `Batcher`, and its pieces in the queue."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
from collections.abc import Callable, Hashable

from tfbert.serving.models.large_requests import Arrays, Steps
from tfbert.serving.protocol.status_codes import Code, StatusError


class QueuedRequest:
    """A request whose pieces wait or run, until it is finished.

    >>> steps = tfbert.serving.models.large_requests.alone({"text": np.array([b"a"], object)})
    >>> request = QueuedRequest("serving_default", steps, deadline=None, hold=None)
    >>> request.finish({"label": np.array([b"late"], object)})
    >>> request.future.result()
    {'label': array([b'late'], dtype=object)}
    """

    def __init__(
        self,
        signature: str,
        steps: Steps,
        deadline: float | None,
        hold: Callable[[int], None] | None,
    ) -> None:
        self.signature, self.steps, self.deadline, self.hold = signature, steps, deadline, hold
        self.future: concurrent.futures.Future[Arrays] = concurrent.futures.Future()
        self.begun = self.finished = False
        self._lock = threading.Lock()
        self._answers: list[Arrays | None] = []

    def ask(self, count: int) -> None:
        """Expects the outputs of so many pieces."""
        self._answers = [None] * count

    def answered(self, place: int, outputs: Arrays) -> list[Arrays] | None:
        """Takes the outputs of a piece; those of all pieces, if this was the last one and they are still wanted."""
        with self._lock:
            self._answers[place] = outputs
            if self.finished or any(each is None for each in self._answers):
                return None
            return [each for each in self._answers if each is not None]

    def finish(self, outputs: Arrays | None = None, error: Exception | None = None) -> None:
        """Brings the outputs or the error to whoever still waits, unless that was done, and lets go of the arrays."""
        with self._lock:
            if self.finished:
                return
            self.finished, self._answers = True, []
        self.steps.close()
        # Until now the future was pending, so that it could be cancelled while batches ran.
        if self.future.set_running_or_notify_cancel():
            if error is None:
                self.future.set_result(outputs)
            else:
                self.future.set_exception(error)

    def is_dropped(self, now: float) -> bool:
        """Whether nobody waits any more; then it is finished."""
        late = self.deadline is not None and self.deadline <= now
        if not self.finished and (late or self.future.cancelled()):
            when = "all rows were computed" if self.begun else "the batch began"
            self.finish(error=StatusError(Code.DEADLINE_EXCEEDED, f"the deadline passed before {when}"))
        return self.finished


@dataclasses.dataclass(eq=False)
class Piece:
    """Rows of a request that run in one batch.

    Attributes:
        place: among the pieces that run at once.
        size: of its strings, in bytes.
        group: what it may be joined with.
        queued: when, by `time.monotonic`.

    >>> request = QueuedRequest("serving_default", iter(()), deadline=None, hold=None)
    >>> Piece(request, 0, {"text": np.array([b"a"], object)}, rows=1, size=65, group="serving_default").queued
    0.0
    """

    request: QueuedRequest
    place: int
    inputs: Arrays
    rows: int
    size: int
    group: Hashable
    queued: float = 0.0
