"""A request in the queue of a `Batcher`."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Hashable

from tfbert.serving.models.large_requests import Arrays, Steps
from tfbert.serving.protocol.status_codes import Code, StatusError


class QueuedRequest:
    """A request in the queue, with the inputs of the batch that it waits for: all rows, or the next piece.

    >>> steps = tfbert.serving.models.large_requests.alone({"text": np.array([b"a"], object)})
    >>> request = QueuedRequest("serving_default", steps, deadline=None, hold=None)
    >>> request.finish({"label": np.array([b"late"], object)})
    >>> request.future.result()
    {'label': array([b'late'], dtype=object)}
    """

    inputs: Arrays
    rows: int
    size: int  # of its strings, in bytes
    group: Hashable  # what it may be joined with
    queued: float  # when, by `time.monotonic`

    def __init__(
        self,
        signature: str,
        steps: Steps,
        deadline: float | None,
        hold: Callable[[int], None] | None,
    ) -> None:
        self.signature, self.steps, self.deadline, self.hold = signature, steps, deadline, hold
        self.future: concurrent.futures.Future[Arrays] = concurrent.futures.Future()
        self.begun = False

    def finish(self, outputs: Arrays | None = None, error: Exception | None = None) -> None:
        """Brings the outputs or the error to whoever still waits, and lets go of the arrays."""
        self.steps.close()
        self.inputs = {}
        # Until now the future was pending, so that it could be cancelled while batches ran.
        if self.future.set_running_or_notify_cancel():
            if error is None:
                self.future.set_result(outputs)
            else:
                self.future.set_exception(error)

    def is_dropped(self, now: float) -> bool:
        """Whether nobody waits any more; then it is finished."""
        late = self.deadline is not None and self.deadline <= now
        if not late and not self.future.cancelled():
            return False
        when = "all rows were computed" if self.begun else "the batch began"
        self.finish(error=StatusError(Code.DEADLINE_EXCEEDED, f"the deadline passed before {when}"))
        return True
