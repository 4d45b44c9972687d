"""One event loop, in its own thread, for all servers of a process: gRPC's asyncio has one poller per process."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tfbert.serving.host.faults import log_loop_fault

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
    """The coroutine's result, from any other thread.

    >>> run(asyncio.sleep(0, "done"))
    'done'
    """
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result(timeout)


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(log_loop_fault)
    threading.Thread(target=loop.run_forever, name="tfbert-event-loop", daemon=True).start()
    return loop


async def in_daemon_thread(function: Callable[[], T]) -> T:
    """What the function returns, from a thread that does not keep the process alive.

    Threads of asyncio.to_thread do.

    >>> run(in_daemon_thread(lambda: "done"))
    'done'
    """
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()

    def call() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, name="tfbert-aside", daemon=True).start()
    return await asyncio.wrap_future(future)


class Inbox:
    """Brings results of `concurrent.futures` into the running event loop; those that come together wake it once.

    asyncio.wrap_future wakes the loop with a system call for each result: 32 times for a batch of 32.

    >>> async def total(pool):
    ...     return await Inbox().result(pool.submit(sum, [1, 2]))
    >>> with concurrent.futures.ThreadPoolExecutor(1) as pool:
    ...     run(total(pool))
    3
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived: collections.deque[tuple[concurrent.futures.Future, asyncio.Future]] = collections.deque()
        self._woken = False

    async def result(self, future: concurrent.futures.Future[T]) -> T:
        """The future's result. If this call is cancelled, it cancels the future."""
        waiter = self._loop.create_future()
        future.add_done_callback(lambda done: self._add(done, waiter))
        try:
            return await waiter
        except asyncio.CancelledError:
            future.cancel()
            raise

    def _add(self, done: concurrent.futures.Future, waiter: asyncio.Future) -> None:
        self._arrived.append((done, waiter))
        if not self._woken:  # otherwise `_open` has not begun, and will find it
            self._woken = True
            self._loop.call_soon_threadsafe(self._open)

    def _open(self) -> None:
        self._woken = False
        while self._arrived:
            done, waiter = self._arrived.popleft()
            if waiter.done():
                continue
            if done.cancelled():
                waiter.cancel()
            elif error := done.exception():
                waiter.set_exception(error)
            else:
                waiter.set_result(done.result())
