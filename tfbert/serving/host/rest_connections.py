"""REST's connections: accepted up to a limit, closed when their client keeps them waiting.

aiohttp has no limit, and asyncio's own listener logs a traceback for each connection that it cannot accept.
"""

from __future__ import annotations

import asyncio
import collections
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tfbert.serving.host.connections import ConnectionLimits
from tfbert.serving.host.faults import HTTP_LOG, log_fault

_BACKLOG = 1024
_RETRY_SECONDS = 0.2
# aiohttp answers or closes at `receive_seconds`; what it cannot close is closed this much later.
_SLACK_SECONDS = 1.0
_CLOSING_SECONDS = 1.0
# How long the rest of a body is read that was refused, so that the client reads why.
_LINGERING_SECONDS = 10.0
# A response may take `receive_seconds`, and longer if it is large: as if the client's line had this speed.
_SLOWEST_BYTES_PER_SECOND = 16_384
_PASSING = {errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.EAGAIN}  # the client has gone already


class _Connection(asyncio.Protocol):
    """One connection, which hands on what happens to aiohttp's protocol."""

    def __init__(self, inner: asyncio.Protocol, owner: RestConnections, opened: float) -> None:
        self._inner, self._owner = inner, owner
        self.opened = self.waits_since = opened
        self.transport: asyncio.Transport | None = None
        self.task: asyncio.Task | None = None
        self.data_received, self.eof_received = inner.data_received, inner.eof_received
        self.pause_writing, self.resume_writing = inner.pause_writing, inner.resume_writing

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._owner.by_transport[transport] = self
        self._owner.wait_for(self)  # until here it was TLS's handshake
        self._inner.connection_made(transport)

    def connection_lost(self, error: BaseException | None) -> None:
        self._owner.by_transport.pop(self.transport, None)
        self._owner.forget(self)
        self._inner.connection_lost(error)

    def abort(self) -> None:
        """Closes at once, whatever the client does: a close that waits for it would hold the descriptor."""
        if self.transport is not None:
            self.transport.abort()
        elif self.task is not None:
            self.task.cancel()  # in its TLS handshake


class RestConnections:
    """Accepts connections for aiohttp's protocols.

    At the limit the connection whose client has kept the server waiting longest makes room for a new one; where all
    of them have a request under way, the new one is closed.

    >>> connections = RestConnections(limits, tls=None)  # doctest: +SKIP
    >>> application = web.Application(middlewares=[connections.middleware()])  # doctest: +SKIP
    >>> await connections.listen(runner.server, "127.0.0.1", 8501)  # doctest: +SKIP
    """

    def __init__(self, limits: ConnectionLimits, *, tls: ssl.SSLContext | None) -> None:
        self._limits, self._tls = limits, tls
        # aiohttp counts a connection as idle until all headers have arrived, so its limit holds for the headers too.
        self.handler_args = {
            "keepalive_timeout": limits.receive_seconds,
            "lingering_time": min(limits.receive_seconds, _LINGERING_SECONDS),
            "logger": HTTP_LOG,
        }
        self._open: set[_Connection] = set()
        self._waiting: collections.OrderedDict[_Connection, None] = collections.OrderedDict()  # the longest first
        self.by_transport: dict[Any, _Connection] = {}
        self._listeners: list[socket.socket] = []
        self._tasks: list[asyncio.Task] = []

    def middleware(self) -> Any:
        """The middleware, outside all others, that sees each request come and sends its response."""

        @web.middleware
        async def watch(request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
            return await self._answer(request, handler)

        return watch

    async def listen(self, factory: Callable[[], asyncio.Protocol], host: str, port: int) -> int:
        """Listens on all addresses of `host`; returns the port, which differs if `port` is 0. OSError: it cannot."""
        loop = asyncio.get_running_loop()
        bound = await loop.create_server(factory, host, port, start_serving=False)
        self._listeners = [each.dup() for each in bound.sockets]
        bound.close()
        for listener in self._listeners:
            listener.setblocking(False)
            listener.listen(_BACKLOG)
            self._tasks.append(loop.create_task(self._accept(listener, factory)))
        self._tasks.append(loop.create_task(self._close_late()))
        return self._listeners[0].getsockname()[1]

    async def close(self) -> None:
        """Accepts no more; open connections go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()

    def abort(self) -> None:
        """Closes all connections, whatever their clients do."""
        for each in list(self._open):
            each.abort()

    def forget(self, connection: _Connection) -> None:
        """Is told by a connection that it is closed."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    def wait_for(self, connection: _Connection) -> None:
        """Is told when the server begins to wait for the connection's client."""
        connection.waits_since = asyncio.get_running_loop().time()
        self._waiting[connection] = None
        self._waiting.move_to_end(connection)

    def computes(self, request: web.Request) -> None:
        """Is told when a request has arrived in full: its client waits for the server now, and is not closed."""
        self._waiting.pop(self.by_transport.get(request.transport), None)

    async def _accept(self, listener: socket.socket, factory: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno not in _PASSING:
                    what = "connections cannot be accepted; the server tries again"
                    log_fault("accept_failed", what, error, reason=errno.errorcode.get(error.errno, ""))
                    self._make_room()
                    await asyncio.sleep(_RETRY_SECONDS)
                continue
            if len(self._open) >= self._limits.count and not self._make_room():
                log_fault("connection_refused", "a connection was closed: all others have a request under way")
                client.close()
            else:
                connection = _Connection(factory(), self, loop.time())
                self._open.add(connection)
                self.wait_for(connection)
                connection.task = loop.create_task(self._connect(connection, client))
            await asyncio.sleep(0)  # others' requests go on while connections come faster than this loop turns

    async def _connect(self, connection: _Connection, client: socket.socket) -> None:
        seconds = {"ssl_handshake_timeout": self._limits.receive_seconds, "ssl_shutdown_timeout": _CLOSING_SECONDS}
        try:
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(
                lambda: connection, client, ssl=self._tls, **(seconds if self._tls else {})
            )
        except ssl.SSLError as error:
            log_fault("tls_handshake_failed", "a client's TLS handshake failed", error, reason=error.reason)
        except OSError:
            pass  # it hung up, or took too long
        finally:
            if connection.transport is None:
                self.forget(connection)
                client.close()

    def _make_room(self) -> bool:
        """Closes the connection that has waited longest; False if none waits."""
        if not self._waiting:
            return False
        connection, _ = self._waiting.popitem(last=False)
        self._open.discard(connection)
        connection.abort()
        return True

    async def _close_late(self) -> None:
        loop, most = asyncio.get_running_loop(), self._limits.receive_seconds + _SLACK_SECONDS
        while True:
            await asyncio.sleep(min(1.0, most / 4))
            while self._waiting and loop.time() - next(iter(self._waiting)).waits_since > most:
                self._make_room()

    async def _answer(
        self, request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        transport, loop = request.transport, asyncio.get_running_loop()
        connection = self.by_transport.get(transport)
        if connection is None:  # it was closed meanwhile
            return await handler(request)
        if request.body_exists:
            self.wait_for(connection)
        else:
            self.computes(request)
        try:
            response = await handler(request)
            self.computes(request)
            age = self._limits.age_seconds
            if age and loop.time() - connection.opened > age:
                response.force_close()
            await self._send(request, response, transport)
            return response
        finally:
            if transport in self.by_transport:
                self.wait_for(connection)

    async def _send(self, request: web.Request, response: web.StreamResponse, transport: Any) -> None:
        """Sends the response; a client that does not read it is not waited for."""
        size = getattr(response, "content_length", None) or 0
        try:
            async with asyncio.timeout(self._limits.receive_seconds + size / _SLOWEST_BYTES_PER_SECOND):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            log_fault("response_not_read", "a client did not read its response in time, and was disconnected")
            transport.abort()
