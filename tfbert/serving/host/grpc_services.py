"""TF Serving's gRPC services, PredictionService and ModelService, answered by a `ServerCore`."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2,
    predict_pb2,
    prediction_service_pb2,
    regression_pb2,
)

from tfbert.serving.host.bytes_in_flight import HeldBytes
from tfbert.serving.host.core import ServerCore
from tfbert.serving.protocol.status_codes import StatusError, grpc_code

_MAX_MESSAGE = 1024  # model_servers/grpc_status_util.cc: longer messages do not fit into the HTTP/2 headers
_SLOW_SECONDS = 2.0
_REQUESTS = {
    "tensorflow.serving.PredictionService": {
        "Predict": predict_pb2.PredictRequest,
        "Classify": classification_pb2.ClassificationRequest,
        "Regress": regression_pb2.RegressionRequest,
        "MultiInference": inference_pb2.MultiInferenceRequest,
        "GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
    },
    "tensorflow.serving.ModelService": {
        "GetModelStatus": get_model_status_pb2.GetModelStatusRequest,
        "HandleReloadConfigRequest": model_management_pb2.ReloadConfigRequest,
    },
}
SERVICE_NAMES = tuple(
    file.DESCRIPTOR.services_by_name[name].full_name
    for file, name in ((prediction_service_pb2, "PredictionService"), (model_service_pb2, "ModelService"))
)


def add_services(
    core: ServerCore, server: grpc.aio.Server, *, receive_seconds: float, max_message_bytes: int = 64 * 2**20
) -> None:
    """Registers both services with a server.

    A request that has not arrived after `receive_seconds` ends with DEADLINE_EXCEEDED, so that a client that sends
    nothing holds nothing. One that has not arrived after two seconds may be half there: it counts as
    `max_message_bytes`, and ends with RESOURCE_EXHAUSTED if too many are like that. The methods are unary, but are
    read as streams: grpc.aio never answers a unary call that ends without a message.

    >>> add_services(core, grpc.aio.server(), receive_seconds=30)  # doctest: +SKIP
    """
    for service, methods in _REQUESTS.items():
        handlers = {
            name: grpc.stream_unary_rpc_method_handler(
                functools.partial(_handle, core, name, request_class, receive_seconds, max_message_bytes),
                response_serializer=lambda response: response.SerializeToString(),
            )
            for name, request_class in methods.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))


async def _handle(
    core: ServerCore,
    method: str,
    request_class: Any,
    receive_seconds: float,
    max_message_bytes: int,
    _: AsyncIterator[bytes],
    context: grpc.aio.ServicerContext,
) -> Any:
    begun = time.perf_counter()
    try:
        data = await _received(core, context, receive_seconds, max_message_bytes)
    except StatusError as error:
        core.refused(method, error.error_code, time.perf_counter() - begun, protocol="grpc", size=0)
        await context.abort(grpc_code(error.error_code), "too many requests arrive slowly; ask again later")
    except TimeoutError:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no request arrived in {receive_seconds:g} s")
    if data is None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a call takes one message")
    remaining, size = context.time_remaining(), len(data)
    deadline = None if remaining is None else time.monotonic() + remaining
    with core.bytes_in_flight.request() as held:
        try:
            try:
                held.add(size)
            except StatusError as error:
                core.refused(method, error.error_code, 0.0, protocol="grpc", size=size)
                raise
            request = request_class.FromString(data)
            del data  # the request has a copy of it
            return await core.call(method, request, protocol="grpc", deadline=deadline, held=held)
        except DecodeError:
            # INTERNAL, as gRPC's C++ servers say. The bytes are not repeated: they may be anything.
            await context.abort(grpc.StatusCode.INTERNAL, f"the message is not a {request_class.DESCRIPTOR.full_name}")
        except StatusError as error:
            message = error.message
            if len(message) > _MAX_MESSAGE:
                message = f"{message[:_MAX_MESSAGE]}...TRUNCATED"
            await context.abort(grpc_code(error.error_code), message)


async def _received(
    core: ServerCore, context: grpc.aio.ServicerContext, receive_seconds: float, max_message_bytes: int
) -> bytes | None:
    """The message of a call, None if it ends without one; a second one would not be read.

    Only timers watch over it, as a task or another read would take longer than the rest of a small request.
    """
    loop, held, refusal = asyncio.get_running_loop(), HeldBytes(core.bytes_arriving), None

    def count() -> None:
        nonlocal refusal
        try:
            held.add(max_message_bytes)  # gRPC does not say how much of it is there
        except StatusError as error:
            refusal = error
            timeout.reschedule(loop.time())

    slow = loop.call_later(_SLOW_SECONDS, count)
    try:
        async with asyncio.timeout(receive_seconds) as timeout:
            data = await context.read()
            return None if data is grpc.aio.EOF else data
    except TimeoutError:
        if refusal is not None:
            raise refusal from None
        raise
    finally:
        slow.cancel()
        held.close()
