"""REST's listener: aiohttp over the connections that the limits allow."""

from __future__ import annotations

from aiohttp import web

from tfbert.errors import ServingError
from tfbert.serving.host.addresses import join
from tfbert.serving.host.rest import RestApi
from tfbert.serving.host.rest_connections import RestConnections


class RestServer:
    """Serves a `RestApi` until it is stopped.

    >>> rest = RestServer(api, RestConnections(limits, tls=None))  # doctest: +SKIP
    >>> port = await rest.start("127.0.0.1", 8501, sending_seconds=0.5)  # doctest: +SKIP
    """

    def __init__(self, api: RestApi, connections: RestConnections) -> None:
        self._api, self._connections = api, connections
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int, *, sending_seconds: float) -> int:
        """Binds the address and returns the port; `sending_seconds`: how long `stop` may wait for what is under way.

        Raises:
            ServingError: the address cannot be bound.
        """
        # handler_cancellation: a client that disconnects has its request cancelled.
        self._runner = web.AppRunner(
            self._api.application(), access_log=None, handler_cancellation=True, shutdown_timeout=sending_seconds / 2
        )
        await self._runner.setup()
        try:
            return await self._connections.listen(self._runner.server, host.strip("[]"), port)
        except OSError as error:
            raise ServingError(
                f"cannot listen on {join(host, port)}: {error.strerror}; give another host or port"
            ) from error

    async def stop(self) -> None:
        """Closes the address, and then the connections."""
        await self._connections.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._connections.abort()
