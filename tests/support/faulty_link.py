"""A TCP proxy that makes a network of one machine as bad as real ones: late, cut, silent."""

import contextlib
import queue
import random
import socket
import threading
import time

_BLOCK = 1 << 16


class FaultyLink:
    """Forwards connections to a port of this machine, until it is told what goes wrong.

    Attributes:
        port: to connect to.
        delay: (shortest, longest) time in seconds that each block of bytes is under way.

    >>> with FaultyLink(target=8500) as link:  # doctest: +SKIP
    ...     link.delay = (0.05, 0.2)
    ...     link.drop()
    """

    def __init__(self, target, seed=0):
        self._target, self._random = target, random.Random(seed)
        self.delay, self._silent, self._cut = (0.0, 0.0), threading.Event(), threading.Event()
        self._refuses = False
        self._sockets = set()

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        self.drop()

    def drop(self):
        """Closes all connections at once, and refuses others."""
        self._refuses = True
        for one in list(self._sockets):
            _close(one)

    def truncate(self):
        """Forwards half of the next block that comes from either side, and then drops all."""
        self._cut.set()

    def fall_silent(self):
        """Forwards nothing from now on, and closes nothing: what is sent is taken, and no answer comes."""
        self._silent.set()

    def _accept(self):
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:  # closed
                return
            if self._refuses:
                _close(one)
                continue
            try:
                other = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # which is not there yet
                _close(one)
                continue
            for end in (one, other):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets |= {one, other}
            for source, sink in ((one, other), (other, one)):
                late = queue.Queue()
                threading.Thread(target=self._read, args=(source, late), daemon=True).start()
                threading.Thread(target=self._write, args=(late, source, sink), daemon=True).start()

    def _read(self, source, late):
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK):
                late.put((time.monotonic() + self._random.uniform(*self.delay), block))
        late.put((0.0, b""))

    def _write(self, late, source, sink):
        with contextlib.suppress(OSError):
            while True:
                due, block = late.get()
                if self._silent.is_set():
                    if block:
                        continue
                    return
                time.sleep(max(0.0, due - time.monotonic()))
                if not block:
                    break
                if self._cut.is_set():
                    sink.sendall(block[: len(block) // 2])
                    self.drop()
                    return
                sink.sendall(block)
        _close(source)
        _close(sink)


def _close(one):
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
