"""One event loop in a thread of its own for all servers of a process: gRPC's asyncio has one poller a process."""

import asyncio
import collections
import concurrent.futures
import functools
import threading


def run(coroutine, timeout=None):
    """The coroutine's result, from any other thread.

    >>> run(asyncio.sleep(0, "done"))
    'done'
    """
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result(timeout)


@functools.cache
def _loop():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="tfbert-event-loop", daemon=True).start()
    return loop


async def aside(function):
    """What the function returns, from a thread that the process does not wait for when it ends.

    It does for those of asyncio.to_thread.

    >>> await aside(lambda: "done")
    'done'
    """
    future = concurrent.futures.Future()
    future.set_running_or_notify_cancel()

    def call():
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, name="tfbert-aside", daemon=True).start()
    return await asyncio.wrap_future(future)


class Inbox:
    """Brings results of `concurrent.futures` into an event loop; those that come together wake it once.

    asyncio.wrap_future wakes the loop, with a system call, for each of them: of a batch of 32 that is 32 times.

    >>> inbox = Inbox()
    >>> await inbox.result(pool.submit(compute))
    """

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._arrived = collections.deque()
        self._woken = False

    async def result(self, future):
        """The future's result; cancelled while it waits, so is the future."""
        waiter = self._loop.create_future()
        future.add_done_callback(lambda done: self._add(done, waiter))
        try:
            return await waiter
        except asyncio.CancelledError:
            future.cancel()
            raise

    def _add(self, done, waiter):
        self._arrived.append((done, waiter))
        if not self._woken:  # what was added before _open has begun, _open finds
            self._woken = True
            self._loop.call_soon_threadsafe(self._open)

    def _open(self):
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
