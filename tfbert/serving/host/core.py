"""TF Serving's methods over the loaded models, for gRPC and REST alike, with limits, metrics and log.

Requests and responses are TF Serving's messages. An error is a `tf.errors.OpError` with the code and the message of
tensorflow/serving: model_servers/server_core.cc and get_model_status_impl.cc, servables/tensorflow/
get_model_metadata_impl.cc, core/basic_manager.cc.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
)

from tfbert.errors import ServingError
from tfbert.serving.host import event_loop
from tfbert.serving.host.metrics import Metrics
from tfbert.serving.host.request_log import log_failure, log_request
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.models.versions import parse_model_config
from tfbert.serving.protocol import inference, status_codes
from tfbert.serving.protocol.model_specs import check_name, check_rows, check_spec, common_spec, rows_of
from tfbert.serving.protocol.signatures import DEFAULT_SIGNATURE
from tfbert.serving.protocol.status_codes import invalid

_PREDICTIONS = {
    "Predict": inference.Predict,
    "Classify": inference.Classify,
    "Regress": inference.Regress,
    "MultiInference": inference.MultiInference,
}


class ServerCore:
    """Answers each method by name. Belongs to the event loop in which it is made.

    Args:
        max_concurrent: predictions in progress, including those that wait; more are RESOURCE_EXHAUSTED.
        max_rows: texts, examples or rows of ids in a request; more are INVALID_ARGUMENT.
        reload_config: whether HandleReloadConfigRequest is answered; else it is PERMISSION_DENIED.

    >>> core = ServerCore(models, metrics=metrics, max_concurrent=1000)  # doctest: +SKIP
    >>> await core.call("Predict", predict_request, protocol="grpc")  # doctest: +SKIP
    """

    def __init__(
        self,
        models: ModelManager,
        *,
        metrics: Metrics,
        max_concurrent: int,
        max_rows: int = 4096,
        reload_config: bool = True,
    ) -> None:
        self._models, self._metrics, self._max_concurrent = models, metrics, max_concurrent
        self._model_methods = {
            "GetModelMetadata": self._get_model_metadata,
            "GetModelStatus": self._get_model_status,
            "HandleReloadConfigRequest": self._reload_config,
        }
        self.max_rows, self._may_reload = max_rows, reload_config
        self._inbox = event_loop.Inbox()
        self._in_flight = self._unfinished = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    async def call(self, method: str, request: Any, *, protocol: str, deadline: float | None = None) -> Any:
        """The response to a request for a method of PredictionService or ModelService.

        A prediction that has not begun at `deadline`, by `time.monotonic`, is DEADLINE_EXCEEDED.
        """
        begun = time.perf_counter()
        # The model's name is added once a model has it: until then it is the client's, and may be a text.
        facts = {"method": method, "protocol": protocol, "model": "", "bytes": request.ByteSize()}
        code = 0
        try:
            if method in _PREDICTIONS:
                with self._admitted():
                    return await self._predict(_PREDICTIONS[method], request, facts, deadline)
            return await self._model_methods[method](request, facts)
        except tf.errors.OpError as error:
            code = error.error_code
            raise
        except asyncio.CancelledError:
            code = tf.errors.CANCELLED
            raise
        except Exception as error:
            code = tf.errors.INTERNAL
            log_failure(method, error)
            raise status_codes.error(tf.errors.InternalError, f"{type(error).__name__}: {error}") from error
        finally:
            seconds = time.perf_counter() - begun
            self._metrics.request(method, facts["model"], protocol, code, seconds)
            log_request(facts, code, seconds)

    def refused(self, method: str, code: int, seconds: float, *, protocol: str, size: int) -> None:
        """Counts and logs a request of `size` bytes that could not be read, and so never reached `call`."""
        self._metrics.request(method, "", protocol, code, seconds)
        log_request({"method": method, "protocol": protocol, "model": "", "bytes": size}, code, seconds)

    def stranger(self, protocol: str) -> None:
        """Counts and logs a request without an API key, of which nothing else was read."""
        self.refused("any", tf.errors.UNAUTHENTICATED, 0.0, protocol=protocol, size=0)

    async def drain(self, timeout: float) -> bool:
        """Refuses new predictions and waits for those in progress; False if `timeout` seconds were too short."""
        self._draining = True
        try:
            await asyncio.wait_for(self._idle.wait(), timeout)
            return True
        except TimeoutError:
            return False

    @contextlib.contextmanager
    def unfinished(self) -> Iterator[None]:
        """What `drain` waits for: a prediction and, if the caller enters this too, the writing of its response."""
        self._unfinished += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._unfinished -= 1
            if not self._unfinished:
                self._idle.set()

    def signature_inputs(self, spec: model_pb2.ModelSpec) -> Mapping[str, meta_graph_pb2.TensorInfo]:
        """The inputs of the signature that a ModelSpec asks for; REST needs them to read JSON."""
        check_name(spec)
        with self._models.lease(spec) as served:
            name = spec.signature_name or DEFAULT_SIGNATURE
            if name not in served.servable.signatures:
                raise invalid(f'Serving signature name: "{name}" not found in signature def')
            return served.servable.signatures[name].inputs

    async def _predict(self, kind: type, request: Any, facts: dict[str, Any], deadline: float | None) -> Any:
        if kind is inference.MultiInference:
            spec = common_spec(request.tasks)
        else:
            check_spec(request)
            spec = request.model_spec
        check_name(spec)
        with self._models.lease(spec) as served:
            facts.update(model=served.model, version=served.version)
            call = kind(served.servable.signatures, request)
            facts.update(signature=call.runs[0][0], rows=rows_of(call.runs[0][1]))
            for name, inputs in call.runs:
                check_rows(served.servable.signatures.rows(name, inputs), self.max_rows)
            futures = [served.batcher.submit(*run, deadline=deadline) for run in call.runs]
            return call.response([await self._inbox.result(future) for future in futures], served.version)

    async def _get_model_metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, facts: dict[str, Any]
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        check_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        check_name(request.model_spec)
        with self._models.lease(request.model_spec) as served:
            facts.update(model=served.model, version=served.version)
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, definition in served.servable.definitions.items():
                signatures.signature_def[name].CopyFrom(definition)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = served.model
            response.model_spec.version.value = served.version
            response.metadata["signature_def"].Pack(signatures)
            return response

    async def _get_model_status(
        self, request: get_model_status_pb2.GetModelStatusRequest, facts: dict[str, Any]
    ) -> get_model_status_pb2.GetModelStatusResponse:
        check_spec(request)
        spec = request.model_spec
        choice, number = spec.WhichOneof("version_choice"), None
        if choice == "version":
            number = spec.version.value
        elif choice == "version_label":
            number = self._models.labelled(spec.name, spec.version_label)
            if number is None:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
        found = self._models.status(spec.name, number)
        if not found:
            what = "any versions" if number is None else f"version {number}"
            raise status_codes.error(tf.errors.NotFoundError, f"Could not find {what} of model {spec.name}")
        facts["model"] = spec.name
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, state, error in found:
            status = {"error_code": tf.errors.UNKNOWN, "error_message": error} if error else {}
            response.model_version_status.add(version=version, state=state, status=status)
        return response

    async def _reload_config(
        self, request: model_management_pb2.ReloadConfigRequest, facts: dict[str, Any]
    ) -> model_management_pb2.ReloadConfigResponse:
        if not self._may_reload:
            what = "HandleReloadConfigRequest is off on this server; --reload_config (reload_config=True) turns it on"
            raise status_codes.error(tf.errors.PermissionDeniedError, what)
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        try:
            # Loading takes long, and the event loop has other requests to answer.
            await event_loop.in_daemon_thread(lambda: self._models.reload(parse_model_config(request.config)))
        except ServingError as error:
            raise status_codes.error(tf.errors.FailedPreconditionError, str(error)) from None
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = 0
        return response

    @contextlib.contextmanager
    def _admitted(self) -> Iterator[None]:
        if self._draining:
            raise status_codes.error(tf.errors.UnavailableError, "the server is shutting down")
        if self._in_flight >= self._max_concurrent:
            raise status_codes.error(
                tf.errors.ResourceExhaustedError,
                f"{self._in_flight} requests are under way, which is the limit; ask again later",
            )
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            with self.unfinished():
                yield
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)
