"""Who may ask: clients that send one of the server's keys, over gRPC and REST alike.

A client sends `authorization: Bearer KEY`, in gRPC's metadata or as an HTTP header.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from aiohttp import web

from tfbert.errors import ServingError

HEADER = "authorization"
_SHORTEST = 16
# What load balancers and orchestrators ask, which send no key; it says nothing but SERVING or NOT_SERVING.
_OPEN = "/grpc.health.v1.Health/"
_MISSING = "send one of this server's API keys as `authorization: Bearer KEY`"


class ApiKeys:
    """The keys of one server.

    Only their hashes are kept, and all of them are compared in constant time, so that the time of an answer tells
    nothing about a key.

    >>> keys = ApiKeys(["a-key-of-some-length"])
    >>> keys.allow("Bearer a-key-of-some-length"), keys.allow("Bearer another"), keys.allow(None)
    (True, False, False)
    """

    def __init__(self, keys: list[str]) -> None:
        self._hashes = [_hash(key) for key in keys]

    @classmethod
    def read(cls, file: str | os.PathLike) -> ApiKeys:
        """The keys in a file, one a line; several let clients change to a new key before the old one ends.

        Raises:
            ServingError: the file cannot be read, has no key, or a key that is short or no printable ASCII. The error
                names the line, never the key.
        """
        try:
            lines = pathlib.Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ServingError(f"{file}: the API keys cannot be read ({reason})") from None
        keys = []
        for number, line in enumerate(map(str.strip, lines), 1):
            if not line:
                continue
            if len(line) < _SHORTEST or not all("!" <= character <= "~" for character in line):
                raise ServingError(
                    f"{file}, line {number}: an API key has {_SHORTEST} characters or more, printable ASCII without "
                    "spaces; `openssl rand -hex 32` makes one"
                )
            keys.append(line)
        if not keys:
            raise ServingError(f"{file}: has no API key; write one a line, such as `openssl rand -hex 32` makes")
        return cls(keys)

    def allow(self, value: str | bytes | None) -> bool:
        """Whether the value of the header `authorization` has one of the keys."""
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        scheme, _, key = (value or "").partition(" ")
        given = _hash(key.strip())
        found = [hmac.compare_digest(given, each) for each in self._hashes]  # all of them, not up to the first
        return scheme.lower() == "bearer" and any(found)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class GrpcGate(grpc.aio.ServerInterceptor):
    """Answers calls without a key with UNAUTHENTICATED, before their message is read. Health checks need no key.

    Args:
        refused: called for each of them.

    >>> grpc.aio.server(interceptors=[GrpcGate(keys, refused=lambda: None)])  # doctest: +SKIP
    """

    def __init__(self, keys: ApiKeys, *, refused: Callable[[], None]) -> None:
        self._keys, self._refused = keys, refused

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """gRPC asks this for the handler of each call."""
        sent = [value for name, value in handler_call_details.invocation_metadata or () if name == HEADER]
        if handler_call_details.method.startswith(_OPEN) or (len(sent) == 1 and self._keys.allow(sent[0])):
            return await continuation(handler_call_details)
        self._refused()
        return grpc.stream_stream_rpc_method_handler(_refuse)


async def _refuse(messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, _MISSING)


def rest_gate(keys: ApiKeys, *, refused: Callable[[], None]) -> Any:
    """A middleware of aiohttp that answers requests without a key with 401, before their body is read.

    >>> web.Application(middlewares=[rest_gate(keys, refused=lambda: None)])  # doctest: +SKIP
    """

    @web.middleware
    async def gate(request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        sent = request.headers.getall(HEADER, [])
        if len(sent) == 1 and keys.allow(sent[0]):
            return await handler(request)
        refused()
        return web.json_response({"error": _MISSING}, status=401, headers={"WWW-Authenticate": "Bearer"})

    return gate
