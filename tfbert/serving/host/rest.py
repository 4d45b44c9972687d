"""TF Serving's REST API over a `ServerCore`, and the metrics: model_servers/http_rest_api_handler.cc.

aiohttp, because it runs in the event loop that gRPC uses, has limits and TLS, and is one library that is well kept.
"""

import asyncio
import contextlib
import itertools
import re
import threading
import time

import tensorflow as tf
from aiohttp import web
from google.protobuf import json_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

from tfbert.serving.protocol import rest_request, rest_response

METRICS_PATH = "/monitoring/prometheus/metrics"  # as in TF Serving's documentation
_MODEL = r"/v1/models/(?P<model>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_INFER = re.compile(_MODEL + r":(?P<method>predict|classify|regress)", re.IGNORECASE)
_METADATA = re.compile(_MODEL + "/metadata", re.IGNORECASE)
_STATUS = re.compile(_MODEL, re.IGNORECASE)
# util/net_http: what HTTP calls gRPC's codes; others are 500
_HTTP = {
    tf.errors.CANCELLED: 499,
    tf.errors.INVALID_ARGUMENT: 400,
    tf.errors.DEADLINE_EXCEEDED: 504,
    tf.errors.NOT_FOUND: 404,
    tf.errors.ALREADY_EXISTS: 409,
    tf.errors.PERMISSION_DENIED: 403,
    tf.errors.RESOURCE_EXHAUSTED: 429,
    tf.errors.FAILED_PRECONDITION: 400,
    tf.errors.ABORTED: 409,
    tf.errors.OUT_OF_RANGE: 400,
    tf.errors.UNIMPLEMENTED: 501,
    tf.errors.UNAVAILABLE: 503,
    tf.errors.UNAUTHENTICATED: 401,
}
# What a request is refused with before it is read; others are INVALID_ARGUMENT.
_REFUSED = {
    web.HTTPRequestEntityTooLarge: tf.errors.RESOURCE_EXHAUSTED,
    web.HTTPRequestTimeout: tf.errors.DEADLINE_EXCEEDED,
}
# Bytes of a body and of a message above which JSON is read and written aside, so that others are answered meanwhile.
_LARGE_BODY, _LARGE_MESSAGE = 2**18, 2**14
_JSON_OPTIONS = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}


class RestApi:
    """The routes of one server. `receive_seconds`: how long a request's headers and then its body may take to arrive.

    A connection without a request is closed after as long.

    >>> application = RestApi(core, metrics, max_body_bytes=2**26, receive_seconds=30).application()
    """

    def __init__(self, core, metrics, *, max_body_bytes, receive_seconds):
        self._core, self._metrics = core, metrics
        self._max_body_bytes, self._receive_seconds = max_body_bytes, receive_seconds

    def application(self):
        """The aiohttp application."""
        application = web.Application(
            client_max_size=self._max_body_bytes,
            middlewares=[_told_as_json],
            # Also ends a connection whose headers do not arrive: aiohttp counts it as idle until it has them all.
            handler_args={"keepalive_timeout": self._receive_seconds},
        )
        application.router.add_get(METRICS_PATH, self._render_metrics)
        application.router.add_route("*", "/{path:.*}", self._route)
        return application

    async def _render_metrics(self, request):
        text = await asyncio.to_thread(self._metrics.render)
        return web.Response(body=text, headers={"Content-Type": self._metrics.CONTENT_TYPE})

    async def _route(self, request):
        path = request.path
        if request.method == "POST" and (found := _INFER.fullmatch(path)):
            method = {"predict": self._predict, "classify": self._classify, "regress": self._regress}
            return await method[found["method"].lower()](request, found)
        if request.method == "GET" and (found := _METADATA.fullmatch(path)):
            return _json(await self._get_metadata(found))
        if request.method == "GET" and (found := _STATUS.fullmatch(path)):
            return _json(await self._get_status(found))
        raise ValueError(f"Malformed request: {request.method} {path}")

    async def _body(self, request):
        try:
            async with asyncio.timeout(self._receive_seconds):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        aside = len(body) > _LARGE_BODY
        return await _call(rest_request.read_object, body, aside=aside), aside

    @contextlib.contextmanager
    def _reading(self, method, http_request):
        """What is refused within the block is counted and logged; from then on `ServerCore.call` does it."""
        begun = time.perf_counter()
        try:
            yield
        except Exception as error:
            code = getattr(error, "error_code", _REFUSED.get(type(error), tf.errors.INVALID_ARGUMENT))
            size = http_request.content_length or 0
            self._core.refused(method, code, time.perf_counter() - begun, protocol="rest", size=size)
            raise

    async def _predict(self, http_request, found):
        request = predict_pb2.PredictRequest()
        with self._reading("Predict", http_request):
            given, aside = await self._body(http_request)
            _fill_spec(request.model_spec, found, rest_request.signature_name(given))
            infos = self._core.signature_inputs(request.model_spec)
            inputs, rows = await _call(rest_request.predict_inputs, given, infos, aside=aside)
            for name, proto in inputs.items():
                request.inputs[name].CopyFrom(proto)
        with self._core.unfinished():
            response = await self._core.call("Predict", request, protocol="rest")
            return await _written(rest_response.predictions(response.outputs, rows), response)

    async def _classify(self, http_request, found):
        request = classification_pb2.ClassificationRequest()
        await self._read_examples("Classify", request, http_request, found)
        with self._core.unfinished():
            response = await self._core.call("Classify", request, protocol="rest")
            return await _written(rest_response.classifications(response.result), response)

    async def _regress(self, http_request, found):
        request = regression_pb2.RegressionRequest()
        await self._read_examples("Regress", request, http_request, found)
        with self._core.unfinished():
            response = await self._core.call("Regress", request, protocol="rest")
            return await _written(rest_response.regressions(response.result), response)

    async def _read_examples(self, method, request, http_request, found):
        with self._reading(method, http_request):
            given, aside = await self._body(http_request)
            _fill_spec(request.model_spec, found, rest_request.signature_name(given))
            await _call(rest_request.examples, given, request.input, aside=aside)

    async def _get_metadata(self, found):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _fill_spec(request.model_spec, found)
        response = await self._core.call("GetModelMetadata", request, protocol="rest")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return {
            "model_spec": json_format.MessageToDict(response.model_spec, **_JSON_OPTIONS),
            "metadata": {"signature_def": json_format.MessageToDict(signatures, **_JSON_OPTIONS)},
        }

    async def _get_status(self, found):
        request = get_model_status_pb2.GetModelStatusRequest()
        _fill_spec(request.model_spec, found)
        response = await self._core.call("GetModelStatus", request, protocol="rest")
        answer = json_format.MessageToDict(response, **_JSON_OPTIONS)
        for version in answer["model_version_status"]:
            status = version.setdefault("status", {"error_code": 0, "error_message": ""})
            if status["error_code"] in (0, "OK"):
                status["error_code"] = "OK"
        return answer


def _fill_spec(spec, found, signature=""):
    spec.name, spec.signature_name = found["model"], signature
    if found["version"]:
        number = int(found["version"]) if len(found["version"]) < 20 else 2**63
        if number >= 2**63:
            raise ValueError(f"Failed to convert version: {found['version'][:40]} to numeric.")
        spec.version.value = number
    elif found["label"]:
        spec.version_label = found["label"]


@web.middleware
async def _told_as_json(request, handler):
    """Every error as `{"error": …}` with the status that TF Serving gives it."""
    try:
        return await handler(request)
    except tf.errors.OpError as error:
        return _json({"error": error.message}, _HTTP.get(error.error_code, 500))
    except ValueError as error:
        return _json({"error": str(error)}, 400)
    except web.HTTPRequestEntityTooLarge as error:
        return _json({"error": f"the request is larger than the limit; {error.text}"}, 413)
    except web.HTTPRequestTimeout:
        return _json({"error": "the request's body did not arrive in time"}, 408)


async def _call(function, *arguments, aside):
    """The function's result; `aside`: from a thread, while the loop answers others."""
    return await asyncio.to_thread(function, *arguments) if aside else function(*arguments)


async def _written(pieces, message):
    """The response of an answer's pieces, made of `message`; given up, it is not written to its end."""
    given_up = threading.Event()
    wanted = itertools.takewhile(lambda piece: not given_up.is_set(), pieces)
    try:
        return _response(await _call(b"".join, wanted, aside=message.ByteSize() > _LARGE_MESSAGE))
    finally:
        given_up.set()


def _json(answer, status=200):
    return _response(rest_response.to_json(answer), status)


def _response(body, status=200):
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")
