"""TF Serving's gRPC services, PredictionService and ModelService, over a `ServerCore`."""

import asyncio
import functools

import grpc
import tensorflow as tf
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

_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}  # TensorFlow's numbers are gRPC's
_MAX_MESSAGE = 1024  # model_servers/grpc_status_util.cc: longer ones do not fit in the HTTP/2 headers
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


def add_services(core, server, *, receive_seconds):
    """Registers both services at a `grpc.aio` server.

    A request must have arrived `receive_seconds` after it began, else it ends as DEADLINE_EXCEEDED: a client that
    sends nothing holds nothing. The methods are unary; they are read as streams here, because grpc.aio leaves a
    unary call that ends without a message unanswered.
    """
    for service, methods in _REQUESTS.items():
        handlers = {
            name: grpc.stream_unary_rpc_method_handler(
                functools.partial(_answer, core, name, request_class, receive_seconds),
                response_serializer=lambda response: response.SerializeToString(),
            )
            for name, request_class in methods.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))


async def _answer(core, method, request_class, receive_seconds, messages, context):
    try:
        async with asyncio.timeout(receive_seconds):
            data = await _only(messages)
    except TimeoutError:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no request arrived in {receive_seconds:g} s")
    if data is None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a call takes exactly one message")
    try:
        request = request_class.FromString(data)
    except DecodeError:
        # As gRPC's C++ servers do. What cannot be read is not repeated: it may be anything.
        await context.abort(grpc.StatusCode.INTERNAL, f"the message is not a {request_class.DESCRIPTOR.full_name}")
    try:
        return await core.call(method, request, protocol="grpc")
    except tf.errors.OpError as error:
        code, message = _STATUS_CODES.get(error.error_code, grpc.StatusCode.UNKNOWN), error.message
        if len(message) > _MAX_MESSAGE:
            message = f"{message[:_MAX_MESSAGE]}...TRUNCATED"
        await context.abort(code, message)


async def _only(messages):
    """The one message of a call; None where there is none or another one."""
    found = None
    async for data in messages:
        if found is not None:
            return None
        found = data
    return found
