"""One prediction over REST: its body is read, and the core is asked, within limits of time and bytes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

from aiohttp import web

from tfbert.serving.host.bytes_in_flight import HeldBytes
from tfbert.serving.host.core import ServerCore
from tfbert.serving.host.rest_body import BodyTooLarge, read_body
from tfbert.serving.protocol import json_size, rest_request
from tfbert.serving.protocol.status_codes import Code, StatusError

T = TypeVar("T")
# The codes of requests that are refused before they are read; all others are INVALID_ARGUMENT.
_REFUSED = {
    BodyTooLarge: Code.RESOURCE_EXHAUSTED,
    web.HTTPRequestEntityTooLarge: Code.RESOURCE_EXHAUSTED,
    web.HTTPRequestTimeout: Code.DEADLINE_EXCEEDED,
}
_LARGE_BODY = 2**18  # bytes; JSON of more is read in a thread, so that the event loop can answer others


@dataclasses.dataclass(frozen=True)
class RestLimits:
    """What a prediction may take; see `RestApi`.

    >>> RestLimits(max_body_bytes=2**26, receive_seconds=30).timeout_seconds
    30.0
    """

    max_body_bytes: int
    receive_seconds: float
    timeout_seconds: float = 30.0


class RestPrediction:
    """One prediction; made by `open`.

    Attributes:
        found: the parts of its path.

    >>> async with RestPrediction.open(core, limits, http_request, found, arrived) as prediction:  # doctest: +SKIP
    ...     await prediction.body()
    """

    def __init__(
        self,
        core: ServerCore,
        limits: RestLimits,
        http_request: web.Request,
        found: re.Match,
        arrived: Callable[[web.Request], None],
        held: HeldBytes,
    ) -> None:
        self.found, self._core, self._limits, self._http_request = found, core, limits, http_request
        self._arrived, self._held, self._timeout = arrived, held, asyncio.timeout(None)
        self._deadline: float | None = None
        self._is_large = False

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        core: ServerCore,
        limits: RestLimits,
        http_request: web.Request,
        found: re.Match,
        arrived: Callable[[web.Request], None],
    ) -> AsyncIterator[RestPrediction]:
        """A prediction that is DEADLINE_EXCEEDED if it is not done `timeout_seconds` after its body has arrived.

        `arrived` is called when it has.
        """
        with core.bytes_in_flight.request() as held:
            prediction = cls(core, limits, http_request, found, arrived, held)
            try:
                async with prediction._timeout:
                    yield prediction
            except TimeoutError:
                what = f"the request took longer than {limits.timeout_seconds:g} s; send fewer rows at once"
                raise StatusError(Code.DEADLINE_EXCEEDED, what) from None

    async def body(self) -> dict[str, Any]:
        """The body's JSON."""
        limits = self._limits
        with self._core.bytes_arriving.request() as arriving:
            body = await read_body(
                self._http_request,
                max_bytes=limits.max_body_bytes,
                seconds=limits.receive_seconds,
                hold=arriving.add,
            )
        self._arrived(self._http_request)
        if limits.timeout_seconds:
            self._deadline = time.monotonic() + limits.timeout_seconds
            self._timeout.reschedule(asyncio.get_running_loop().time() + limits.timeout_seconds)
        self._is_large = len(body) > _LARGE_BODY
        self._held.add(len(body) + json_size.cost(body))
        await self.call(json_size.check_values, body, self._core.max_rows)
        return await self.call(rest_request.read_object, body)

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns; it runs in a thread if the body is large."""
        return await asyncio.to_thread(function, *arguments) if self._is_large else function(*arguments)

    @contextlib.contextmanager
    def reading(self, method: str) -> Iterator[None]:
        """Counts and logs a request that is refused in this block; afterwards `ServerCore.call` does that."""
        begun = time.perf_counter()
        try:
            yield
        except (Exception, asyncio.CancelledError) as error:
            code = getattr(error, "error_code", _REFUSED.get(type(error), Code.INVALID_ARGUMENT))
            if isinstance(error, asyncio.CancelledError):
                code = Code.DEADLINE_EXCEEDED if self._timeout.expired() else Code.CANCELLED
            size = self._http_request.content_length or 0
            self._core.refused(method, code, time.perf_counter() - begun, protocol="rest", size=size)
            raise

    async def ask(self, method: str, request: Any) -> Any:
        """The core's response; the body's JSON must be gone."""
        self._held.keep_only(request.ByteSize())
        return await self._core.call(method, request, protocol="rest", deadline=self._deadline, held=self._held)
