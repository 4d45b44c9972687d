"""How many connections a server holds, and for how long: for gRPC as options, for REST as `rest_connections` reads."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import resource

from tfbert.errors import ServingError
from tfbert.serving.host.faults import log_fault

# Descriptors that stay for loading models, looking for versions, listeners and logs.
_RESERVED = 64
_MOST_BY_DEFAULT = 10_000
_FEWEST = 8
# How long calls may go on in a gRPC connection that has reached its age.
_AGE_GRACE_SECONDS = 300
_STREAMS = 256
_PENDING = 10_000
_NEVER = 2**31 - 1
_LOOK_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class ConnectionLimits:
    """The limits for the connections of each protocol.

    Args:
        count: open connections.
        receive_seconds: how long a TLS handshake, a request's headers and its body may take each; with REST, also how
            long a connection may be without a request.
        idle_seconds: how long a gRPC connection may be without a call; 0: for ever.
        age_seconds: after this time a connection takes no new request, and its client opens another one; 0: never.

    >>> ConnectionLimits(100, 30, 300, 3600).count
    100
    """

    count: int
    receive_seconds: float
    idle_seconds: float
    age_seconds: float

    def grpc_options(self) -> list[tuple[str, int]]:
        """The options of a gRPC server.

        A client learns from gRPC when a connection ends, and sends its next call over a new one.

        >>> dict(ConnectionLimits(100, 30, 300, 3600).grpc_options())["grpc.max_connection_idle_ms"]
        300000
        """
        return [
            ("grpc.max_allowed_incoming_connections", self.count),
            ("grpc.max_connection_idle_ms", _milliseconds(self.idle_seconds)),
            ("grpc.max_connection_age_ms", _milliseconds(self.age_seconds)),
            ("grpc.max_connection_age_grace_ms", _milliseconds(_AGE_GRACE_SECONDS)),
            # Until a client has said what HTTP/2 asks it to, its connection is not idle.
            ("grpc.server_handshake_timeout_ms", _milliseconds(self.receive_seconds)),
            # A client's further calls wait in the client. Streams that it has reset count until it has answered a
            # ping: otherwise opening and resetting them costs it nothing, and the server all its time.
            ("grpc.max_concurrent_streams", _STREAMS),
            ("grpc.http2.ping_on_rst_stream_percent", 100),
            # Calls that Python has not taken yet: over 1000 gRPC would cancel some at random, good ones too.
            ("grpc.server.max_pending_requests", _PENDING),
            ("grpc.server.max_pending_requests_hard_limit", 2 * _PENDING),
        ]


def _milliseconds(seconds: float) -> int:
    return min(max(round(seconds * 1000), 1), _NEVER) if seconds else _NEVER


def allowed_connections(asked: int | None, protocols: int) -> int:
    """How many connections each of `protocols` protocols may hold, by the process's limit of descriptors.

    Args:
        asked: this many; unless given, all that the limit allows, and at most 10,000.

    Raises:
        ServingError: the process may not open that many.

    >>> allowed_connections(20, protocols=2)
    20
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return asked or _MOST_BY_DEFAULT
    free = (limit - len(os.listdir("/dev/fd")) - _RESERVED) // protocols
    if asked is None:
        return max(min(free, _MOST_BY_DEFAULT), _FEWEST)
    if asked > free:
        raise ServingError(
            f"max_connections={asked}: this process may open {limit} files and connections, which leaves "
            f"{max(free, 0)} connections for {'each protocol' if protocols > 1 else 'gRPC'}; raise `ulimit -n`, or "
            "give fewer (--max_connections)"
        )
    return asked


async def watch_descriptors() -> None:
    """Logs while the process can open nothing more, which gRPC would tell only in its own log; until cancelled.

    >>> asyncio.get_running_loop().create_task(watch_descriptors())  # doctest: +SKIP
    """
    while True:
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            what = "this process has no descriptor left: no connection is accepted until one is closed"
            log_fault("descriptors_exhausted", what, error)
        await asyncio.sleep(_LOOK_SECONDS)
