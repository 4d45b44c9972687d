"""One event loop in a thread of its own for all servers of a process: gRPC's asyncio has one poller a process."""

import asyncio
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
