"""TF Serving's REST API, answered by a `ServerCore`, and the metrics: model_servers/http_rest_api_handler.cc.

aiohttp is used because it runs in the event loop that gRPC uses, and has limits and TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import tensorflow as tf
from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from tfbert.serving.host import openapi
from tfbert.serving.host.api_keys import ApiKeys, rest_gate
from tfbert.serving.host.core import ServerCore
from tfbert.serving.host.metrics import Metrics
from tfbert.serving.host.request_log import log_failure
from tfbert.serving.host.rest_body import BodyTooLarge, read_body
from tfbert.serving.host.rest_connections import RestConnections
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.protocol import rest_request, rest_response
from tfbert.serving.protocol.status_codes import http_status

T = TypeVar("T")
METRICS_PATH = "/monitoring/prometheus/metrics"  # as in TF Serving's documentation
_NAME = r"[^/:\x00-\x1f\x7f]+"  # without control characters, which `%0a` and the like bring
_MODEL = rf"/v1/models/(?P<model>{_NAME})(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>{_NAME}))?"
_INFER = re.compile(_MODEL + r":(?P<method>predict|classify|regress)", re.IGNORECASE | re.ASCII)
_METADATA = re.compile(_MODEL + "/metadata", re.IGNORECASE | re.ASCII)
_STATUS = re.compile(_MODEL, re.IGNORECASE | re.ASCII)
# The codes of requests that are refused before they are read; all others are INVALID_ARGUMENT.
_REFUSED = {
    BodyTooLarge: tf.errors.RESOURCE_EXHAUSTED,
    web.HTTPRequestEntityTooLarge: tf.errors.RESOURCE_EXHAUSTED,
    web.HTTPRequestTimeout: tf.errors.DEADLINE_EXCEEDED,
}
# JSON is read and written in a thread from this many bytes on, so that the event loop can answer others meanwhile.
_LARGE_BODY, _LARGE_MESSAGE = 2**18, 2**14
_JSON_OPTIONS = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}


class RestApi:
    """The routes of one server.

    Args:
        max_body_bytes: larger bodies are refused.
        receive_seconds: how long a request's headers may take to arrive, and then its body; a connection without a
            request is closed after this time.
        connections: which the requests come through.
        keys: if given, only clients that send one of them are answered.

    >>> api = RestApi(core, metrics, models, connections, max_body_bytes=2**26, receive_seconds=30)  # doctest: +SKIP
    """

    def __init__(
        self,
        core: ServerCore,
        metrics: Metrics,
        models: ModelManager,
        connections: RestConnections,
        *,
        max_body_bytes: int,
        receive_seconds: float,
        keys: ApiKeys | None = None,
    ) -> None:
        self._core, self._metrics, self._models, self._connections = core, metrics, models, connections
        self._max_body_bytes, self._receive_seconds, self._keys = max_body_bytes, receive_seconds, keys

    def application(self) -> web.Application:
        """The aiohttp application."""
        gates = [rest_gate(self._keys, refused=lambda: self._core.stranger("rest"))] if self._keys else []
        application = web.Application(
            client_max_size=self._max_body_bytes,
            middlewares=[self._connections.middleware(), *gates, _errors_as_json],
            # `read_body` decompresses, as aiohttp answers a broken body with 500 and a traceback in the log.
            handler_args={**self._connections.handler_args, "auto_decompress": False},
        )
        application.router.add_get(METRICS_PATH, self._render_metrics)
        rows, keys = self._core.max_rows, self._keys is not None
        describe = openapi.handler(self._models, metrics_path=METRICS_PATH, most_rows=rows, keys=keys)
        application.router.add_get(openapi.PATH, describe)
        application.router.add_route("*", r"/{path:[\s\S]*}", self._route)
        return application

    async def _render_metrics(self, request: web.Request) -> web.Response:
        text = await asyncio.to_thread(self._metrics.render)
        return web.Response(body=text, headers={"Content-Type": self._metrics.CONTENT_TYPE})

    async def _route(self, request: web.Request) -> web.Response:
        path = request.path
        if request.method == "POST" and (found := _INFER.fullmatch(path)):
            method = {"predict": self._predict, "classify": self._classify, "regress": self._regress}
            return await method[found["method"].lower()](request, found)
        if request.method == "GET" and (found := _METADATA.fullmatch(path)):
            return _json(await self._get_metadata(found))
        if request.method == "GET" and (found := _STATUS.fullmatch(path)):
            return _json(await self._get_status(found))
        if not path.lower().startswith("/v1/"):
            raise web.HTTPNotFound(reason="there is nothing at this path; the API begins at /v1/models/")
        raise ValueError(f"Malformed request: {request.method} {path}")

    async def _body(self, request: web.Request) -> tuple[dict[str, Any], bool]:
        """The body's JSON, and whether it is large."""
        body = await read_body(request, max_bytes=self._max_body_bytes, seconds=self._receive_seconds)
        self._connections.computes(request)
        large = len(body) > _LARGE_BODY
        return await _call(rest_request.read_object, body, in_thread=large), large

    @contextlib.contextmanager
    def _reading(self, method: str, http_request: web.Request) -> Iterator[None]:
        """Counts and logs a request that is refused in this block; afterwards `ServerCore.call` does that."""
        begun = time.perf_counter()
        try:
            yield
        except Exception as error:
            code = getattr(error, "error_code", _REFUSED.get(type(error), tf.errors.INVALID_ARGUMENT))
            size = http_request.content_length or 0
            self._core.refused(method, code, time.perf_counter() - begun, protocol="rest", size=size)
            raise

    async def _predict(self, http_request: web.Request, found: re.Match) -> web.Response:
        request = predict_pb2.PredictRequest()
        with self._reading("Predict", http_request):
            given, large = await self._body(http_request)
            _fill_spec(request.model_spec, found, rest_request.signature_name(given))
            infos = self._core.signature_inputs(request.model_spec)
            rest_request.check_rows(given, self._core.max_rows, infos)
            inputs, in_rows = await _call(rest_request.predict_inputs, given, infos, in_thread=large)
            for name, proto in inputs.items():
                request.inputs[name].CopyFrom(proto)
        with self._core.unfinished():
            response = await self._core.call("Predict", request, protocol="rest")
            return await _write(rest_response.predictions(response.outputs, in_rows), response)

    async def _classify(self, http_request: web.Request, found: re.Match) -> web.Response:
        request = classification_pb2.ClassificationRequest()
        await self._read_examples("Classify", request, http_request, found)
        with self._core.unfinished():
            response = await self._core.call("Classify", request, protocol="rest")
            return await _write(rest_response.classifications(response.result), response)

    async def _regress(self, http_request: web.Request, found: re.Match) -> web.Response:
        request = regression_pb2.RegressionRequest()
        await self._read_examples("Regress", request, http_request, found)
        with self._core.unfinished():
            response = await self._core.call("Regress", request, protocol="rest")
            return await _write(rest_response.regressions(response.result), response)

    async def _read_examples(self, method: str, request: Any, http_request: web.Request, found: re.Match) -> None:
        with self._reading(method, http_request):
            given, large = await self._body(http_request)
            _fill_spec(request.model_spec, found, rest_request.signature_name(given))
            rest_request.check_rows(given, self._core.max_rows)
            await _call(rest_request.fill_examples, given, request.input, in_thread=large)

    async def _get_metadata(self, found: re.Match) -> dict[str, Any]:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _fill_spec(request.model_spec, found)
        response = await self._core.call("GetModelMetadata", request, protocol="rest")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return {
            "model_spec": json_format.MessageToDict(response.model_spec, **_JSON_OPTIONS),
            "metadata": {"signature_def": json_format.MessageToDict(signatures, **_JSON_OPTIONS)},
        }

    async def _get_status(self, found: re.Match) -> dict[str, Any]:
        request = get_model_status_pb2.GetModelStatusRequest()
        _fill_spec(request.model_spec, found)
        response = await self._core.call("GetModelStatus", request, protocol="rest")
        answer = json_format.MessageToDict(response, **_JSON_OPTIONS)
        for version in answer["model_version_status"]:
            status = version.setdefault("status", {"error_code": 0, "error_message": ""})
            if status["error_code"] in (0, "OK"):
                status["error_code"] = "OK"
        return answer


def _fill_spec(spec: model_pb2.ModelSpec, found: re.Match, signature: str = "") -> None:
    spec.name, spec.signature_name = found["model"], signature
    if found["version"]:
        number = int(found["version"]) if len(found["version"]) < 20 else 2**63
        if number >= 2**63:
            raise ValueError(f"Failed to convert version: {found['version'][:40]} to numeric.")
        spec.version.value = number
    elif found["label"]:
        spec.version_label = found["label"]


@web.middleware
async def _errors_as_json(request: web.Request, handler: Callable[..., Any]) -> web.StreamResponse:
    """Every error as `{"error": …}`, with TF Serving's status."""
    try:
        return await handler(request)
    except tf.errors.OpError as error:
        return _json({"error": error.message}, http_status(error.error_code))
    except BodyTooLarge as error:
        return _json({"error": str(error)}, 413)
    except ValueError as error:
        return _json({"error": str(error)}, 400)
    except web.HTTPRequestEntityTooLarge as error:
        return _json({"error": f"the request is larger than the limit; {error.text}"}, 413)
    except web.HTTPRequestTimeout:
        return _json({"error": "the request's body did not arrive in time"}, 408)
    except web.HTTPException as error:
        return _json({"error": error.reason}, error.status)
    except web.RequestPayloadError:
        return _json({"error": "the request's body is not valid HTTP"}, 400)
    except Exception as error:  # otherwise aiohttp answers with text and logs a traceback, which may hold a text
        log_failure("REST", error)
        return _json({"error": f"the server failed with {type(error).__name__}"}, 500)


async def _call(function: Callable[..., T], *arguments: Any, in_thread: bool) -> T:
    return await asyncio.to_thread(function, *arguments) if in_thread else function(*arguments)


async def _write(pieces: Iterable[bytes], message: Message) -> web.Response:
    """The HTTP response of the pieces of `message`. If it is cancelled, the thread that writes them ends too."""
    cancelled = threading.Event()
    wanted = itertools.takewhile(lambda piece: not cancelled.is_set(), pieces)
    try:
        return _response(await _call(b"".join, wanted, in_thread=message.ByteSize() > _LARGE_MESSAGE))
    finally:
        cancelled.set()


def _json(answer: dict[str, Any], status: int = 200) -> web.Response:
    return _response(rest_response.to_json(answer), status)


def _response(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")
