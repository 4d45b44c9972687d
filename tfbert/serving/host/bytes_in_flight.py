"""The bytes of all requests under way, and their limit: so many clients cannot take all memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from tfbert.serving.protocol.status_codes import Code, StatusError


class BytesInFlight:
    """Counts what requests hold: their messages, inputs and outputs. Several threads may use it.

    Args:
        limit: what goes beyond it is RESOURCE_EXHAUSTED.

    >>> counter = BytesInFlight(1000)
    >>> with counter.request() as held:
    ...     held.add(600)
    ...     counter.used
    600
    >>> counter.used
    0
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def request(self) -> Iterator[HeldBytes]:
        """What one request holds; it holds nothing after this block."""
        held = HeldBytes(self)
        try:
            yield held
        finally:
            held.close()

    def change(self, size: int) -> None:
        """Adds or, if `size` is negative, takes away; RESOURCE_EXHAUSTED if there is no room."""
        with self._lock:
            if size > 0 and self.used + size > self.limit:
                raise StatusError(
                    Code.RESOURCE_EXHAUSTED,
                    f"the requests under way hold {self.used} bytes, and this one needs {size} more; {self.limit} are "
                    "allowed (--max_bytes_in_flight): ask again later, or send smaller requests",
                )
            self.used += size


class HeldBytes:
    """The part of one request; made by `BytesInFlight.request`."""

    def __init__(self, counter: BytesInFlight) -> None:
        self._counter, self._size, self._closed = counter, 0, False
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        """Holds so many bytes more, unless the request is over: a batch may end after it."""
        with self._lock:
            if not self._closed:
                self._counter.change(size)
                self._size += size

    def keep_only(self, size: int) -> None:
        """Holds so many bytes from now on."""
        self.add(size - self._size)

    def close(self) -> None:
        """Gives everything back."""
        with self._lock:
            self._counter.change(-self._size)
            self._size, self._closed = 0, True
