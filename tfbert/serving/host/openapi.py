"""The REST API of a server as an OpenAPI document, made from the signatures of the models that it has loaded."""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from tfbert import __version__
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.protocol import json_schemas
from tfbert.serving.protocol.rest_response import to_json
from tfbert.serving.protocol.signatures import Signatures

PATH = "/openapi.json"
_ERRORS = {
    400: "The request is wrong; the message says where.",
    401: "An API key is missing or wrong.",
    404: "The model, or this version of it, is not served.",
    408: "The request's body did not arrive in time.",
    413: "The request's body is larger than the limit.",
    429: "More requests are under way than the server takes.",
    500: "The server or the model failed.",
    503: "The server is stopping, or its queue is full.",
    504: "The answer was not ready before the deadline.",
}
_OF_GET, _OF_POST = (400, 404, 500), (400, 404, 408, 413, 429, 500, 503, 504)
_VERSION = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


@dataclasses.dataclass(frozen=True)
class Described:
    """What a document says of one model: its versions' signatures by number, and its labels."""

    versions: Mapping[int, Signatures]
    labels: Sequence[str] = ()


def described(models: ModelManager) -> dict[str, Described]:
    """What a document says of the models that answer requests, by name.

    >>> described(ModelManager(tfbert.serving.models.batching_parameters.BatchingParameters()))
    {}
    """
    found: dict[str, dict[int, Signatures]] = {}
    for each in models.available():
        if (servable := each.servable) is not None:  # a poll may unload it now
            found.setdefault(each.model, {})[each.version] = servable.signatures
    return {name: Described(versions, models.labels(name)) for name, versions in found.items()}


def handler(
    models: ModelManager, *, metrics_path: str, most_rows: int, keys: bool
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What answers a GET of `PATH`, from the models that are loaded then; for the arguments see `document`.

    >>> handler(models, metrics_path="/metrics", most_rows=64, keys=False)  # doctest: +SKIP
    """

    async def describe(request: web.Request) -> web.Response:
        found = document(described(models), metrics_path=metrics_path, most_rows=most_rows, keys=keys)
        return web.Response(body=to_json(found), content_type="application/json", charset="utf-8")

    return describe


def document(models: Mapping[str, Described], *, metrics_path: str, most_rows: int, keys: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 document.

    Args:
        models: by name; the schemas of a path without a version are those of the newest.
        metrics_path: where the server has its metrics.
        most_rows: rows that a request may have.
        keys: whether the server asks for API keys.

    >>> document({}, metrics_path="/metrics", most_rows=64, keys=False)["openapi"]
    '3.1.0'
    """
    return _Document(metrics_path, most_rows, keys).of(models)


class _Document:
    def __init__(self, metrics_path: str, most_rows: int, keys: bool) -> None:
        self._metrics_path, self._most_rows, self._keys = metrics_path, most_rows, keys
        self._schemas: dict[str, Any] = {"Error": json_schemas.ERROR}

    def of(self, models: Mapping[str, Described]) -> dict[str, Any]:
        text, anything = {"text/plain": {"schema": {"type": "string"}}}, _json({"type": "object"})
        paths = {
            PATH: {"get": self._operation("This document.", anything, ())},
            self._metrics_path: {"get": self._operation("Metrics in Prometheus' format.", text, ())},
        }
        for number, (name, model) in enumerate(sorted(models.items()), 1):
            paths |= self._model(f"Model{number}", name, model)
        found = {
            "openapi": "3.1.0",
            "info": {
                "title": "tfbert serve",
                "version": __version__,
                "description": "TensorFlow Serving's REST API for the models that this server has loaded.",
            },
            "paths": paths,
            "components": {"schemas": self._schemas},
        }
        if self._keys:
            found["components"]["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"ApiKey": []}]
        return found

    def _model(self, component: str, name: str, model: Described) -> dict[str, Any]:
        base = f"/v1/models/{urllib.parse.quote(name, safe='')}"
        newest, every = [model.versions[max(model.versions)]], list(model.versions.values())
        version = {"schema": _VERSION, "examples": {str(each): {"value": each} for each in sorted(model.versions)}}
        paths = self._paths(base, component, name, newest, [])
        paths |= self._paths(
            f"{base}/versions/{{version}}", f"{component}Version", name, every, [_part("version", version)]
        )
        if model.labels:
            label = {"schema": {"enum": sorted(model.labels)}}
            paths |= self._paths(
                f"{base}/labels/{{label}}", f"{component}Version", name, every, [_part("label", label)]
            )
        return paths

    def _paths(
        self, base: str, component: str, name: str, versions: list[Signatures], parts: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """The paths of a model, of its versions or of its labels; `versions` are those that can be meant."""
        get = {
            base: (f"Versions of {name} and their states.", json_schemas.STATUS, "Status"),
            f"{base}/metadata": (f"Signatures of {name}.", json_schemas.METADATA, "Metadata"),
        }
        paths = {
            path: {"get": self._operation(summary, self._component(kind, schema), _OF_GET, parts)}
            for path, (summary, schema, kind) in get.items()
        }
        for method in ("predict", "classify", "regress"):
            requests, responses = self._bodies(method, versions)
            if not requests:
                continue
            body = self._component(f"{component}{method.title()}Request", _any(requests))
            answer = self._component(f"{component}{method.title()}Response", _any(responses))
            operation = self._operation(f"{method} with {name}", answer, _OF_POST, parts)
            operation["requestBody"] = {"required": True, "content": body}
            paths[f"{base}:{method}"] = {"post": operation}
        return paths

    def _bodies(self, method: str, versions: list[Signatures]) -> tuple[list[Any], list[Any]]:
        if method == "predict":
            requests = [json_schemas.predict_request(each, self._most_rows) for each in versions]
            return requests, [json_schemas.predict_response(each) for each in versions]
        found = [json_schemas.examples_request(each, method, self._most_rows) for each in versions]
        response = json_schemas.CLASSIFICATIONS if method == "classify" else json_schemas.REGRESSIONS
        return [each for each in found if each], [response]

    def _operation(
        self, summary: str, content: dict[str, Any], errors: Iterable[int], parts: Sequence[dict[str, Any]] = ()
    ) -> dict[str, Any]:
        errors = sorted({*errors, *([401] if self._keys else [])})
        responses = {"200": {"description": "The answer.", "content": content}}
        responses |= {
            str(status): {"description": _ERRORS[status], "content": self._component("Error", json_schemas.ERROR)}
            for status in errors
        }
        return {"summary": summary, "responses": responses, **({"parameters": list(parts)} if parts else {})}

    def _component(self, name: str, schema: Any) -> dict[str, Any]:
        self._schemas[name] = schema
        return _json({"$ref": f"#/components/schemas/{name}"})


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _part(name: str, described: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, **described}


def _any(schemas: list[Any]) -> Any:
    distinct = [schema for position, schema in enumerate(schemas) if schema not in schemas[:position]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
