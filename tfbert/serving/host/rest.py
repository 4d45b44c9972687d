"""TF Serving's REST API, answered by a `ServerCore`, and the metrics: model_servers/http_rest_api_handler.cc.

aiohttp is used because it runs in the event loop that gRPC uses, and has limits and TLS.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

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
from tfbert.serving.host.rest_body import BodyTooLarge
from tfbert.serving.host.rest_connections import RestConnections
from tfbert.serving.host.rest_prediction import RestLimits, RestPrediction
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.protocol import rest_request, rest_response
from tfbert.serving.protocol.status_codes import StatusError, http_status

T = TypeVar("T")
METRICS_PATH = "/monitoring/prometheus/metrics"  # as in TF Serving's documentation
_NAME = r"[^/:\x00-\x1f\x7f]+"  # without control characters, which `%0a` and the like bring
_MODEL = rf"/v1/models/(?P<model>{_NAME})(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>{_NAME}))?"
_INFER = re.compile(_MODEL + r":(?P<method>predict|classify|regress)", re.IGNORECASE | re.ASCII)
_METADATA = re.compile(_MODEL + "/metadata", re.IGNORECASE | re.ASCII)
_STATUS = re.compile(_MODEL, re.IGNORECASE | re.ASCII)
_LARGE_MESSAGE = 2**14  # bytes; JSON of more is written in a thread, so that the event loop can answer others
_JSON_OPTIONS = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}


class RestApi:
    """The routes of one server.

    Args:
        max_body_bytes: larger bodies are refused.
        receive_seconds: how long a request's headers may take to arrive, and then its body; a connection without a
            request is closed after this time.
        connections: which the requests come through.
        timeout_seconds: how long a prediction may take once its body has arrived, TF Serving's
            `--rest_api_timeout_in_ms`; then it is DEADLINE_EXCEEDED. 0: any time.
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
        timeout_seconds: float = 30.0,
        keys: ApiKeys | None = None,
    ) -> None:
        self._core, self._metrics, self._models, self._connections = core, metrics, models, connections
        self._limits, self._keys = RestLimits(max_body_bytes, receive_seconds, timeout_seconds), keys

    def application(self) -> web.Application:
        """The aiohttp application."""
        gates = [rest_gate(self._keys, refused=lambda: self._core.stranger("rest"))] if self._keys else []
        application = web.Application(
            client_max_size=self._limits.max_body_bytes,
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
            return await self._infer(request, found)
        if request.method == "GET" and (found := _METADATA.fullmatch(path)):
            return _json(await self._get_metadata(found))
        if request.method == "GET" and (found := _STATUS.fullmatch(path)):
            return _json(await self._get_status(found))
        if not path.lower().startswith("/v1/"):
            raise web.HTTPNotFound(reason="there is nothing at this path; the API begins at /v1/models/")
        raise ValueError(f"Malformed request: {request.method} {path}")

    async def _infer(self, http_request: web.Request, found: re.Match) -> web.Response:
        methods = {"predict": self._predict, "classify": self._classify, "regress": self._regress}
        arrived = self._connections.computes
        async with RestPrediction.open(self._core, self._limits, http_request, found, arrived) as prediction:
            return await methods[found["method"].lower()](prediction)

    async def _predict(self, prediction: RestPrediction) -> web.Response:
        request = predict_pb2.PredictRequest()
        with prediction.reading("Predict"):
            in_rows = await self._read_inputs(request, prediction)
        with self._core.unfinished():
            response = await prediction.ask("Predict", request)
            return await _write(rest_response.predictions(response.outputs, in_rows), response)

    async def _read_inputs(self, request: predict_pb2.PredictRequest, prediction: RestPrediction) -> bool:
        given = await prediction.body()
        _fill_spec(request.model_spec, prediction.found, rest_request.signature_name(given))
        infos = self._core.signature_inputs(request.model_spec)
        rest_request.check_rows(given, self._core.max_rows, infos)
        inputs, in_rows = await prediction.call(rest_request.predict_inputs, given, infos)
        for name, proto in inputs.items():
            request.inputs[name].CopyFrom(proto)
        return in_rows

    async def _classify(self, prediction: RestPrediction) -> web.Response:
        request = classification_pb2.ClassificationRequest()
        await self._read_examples("Classify", request, prediction)
        with self._core.unfinished():
            response = await prediction.ask("Classify", request)
            return await _write(rest_response.classifications(response.result), response)

    async def _regress(self, prediction: RestPrediction) -> web.Response:
        request = regression_pb2.RegressionRequest()
        await self._read_examples("Regress", request, prediction)
        with self._core.unfinished():
            response = await prediction.ask("Regress", request)
            return await _write(rest_response.regressions(response.result), response)

    async def _read_examples(self, method: str, request: Any, prediction: RestPrediction) -> None:
        with prediction.reading(method):
            given = await prediction.body()
            _fill_spec(request.model_spec, prediction.found, rest_request.signature_name(given))
            rest_request.check_rows(given, self._core.max_rows)
            await prediction.call(rest_request.fill_examples, given, request.input)

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
    except StatusError as error:
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


async def _write(pieces: Iterable[bytes], message: Message) -> web.Response:
    """The HTTP response of the pieces of `message`. If it is cancelled, the thread that writes them ends too."""
    cancelled = threading.Event()
    wanted = itertools.takewhile(lambda piece: not cancelled.is_set(), pieces)
    try:
        if message.ByteSize() > _LARGE_MESSAGE:
            return _response(await asyncio.to_thread(b"".join, wanted))
        return _response(b"".join(wanted))
    finally:
        cancelled.set()


def _json(answer: dict[str, Any], status: int = 200) -> web.Response:
    return _response(rest_response.to_json(answer), status)


def _response(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")
