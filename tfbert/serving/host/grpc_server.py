"""gRPC's server: TF Serving's services with health checks and reflection, within the limits."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tfbert.serving.host.api_keys import ApiKeys, GrpcGate
from tfbert.serving.host.connections import ConnectionLimits
from tfbert.serving.host.core import ServerCore
from tfbert.serving.host.grpc_services import SERVICE_NAMES, add_services

# Each takes some 20 kB, and a client that opens calls without end must not keep others' out easily.
_MOST_CALLS = 10_000


def make_grpc_server(
    core: ServerCore, *, limits: ConnectionLimits, keys: ApiKeys | None, max_message_bytes: int, max_concurrent: int
) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    """The server, which has no address yet, and its health service.

    >>> make_grpc_server(core, limits=limits, keys=None, max_message_bytes=2**26, max_concurrent=1000)  # doctest: +SKIP
    """
    server = grpc.aio.server(
        interceptors=[GrpcGate(keys, refused=lambda: core.stranger("grpc"))] if keys else [],
        options=[
            ("grpc.so_reuseport", 0),  # otherwise a second server could share the port and take half of the calls
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", -1),
            *limits.grpc_options(),
        ],
        # Calls that have sent no message yet count too. More than predictions, so that those are refused by name.
        maximum_concurrent_rpcs=max(2 * max_concurrent, _MOST_CALLS),
    )
    add_services(core, server, receive_seconds=limits.receive_seconds, max_message_bytes=max_message_bytes)
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((*SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, servicer
