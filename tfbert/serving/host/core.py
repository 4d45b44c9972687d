"""TF Serving's methods over the loaded models, for gRPC and REST alike, with limits, metrics and log.

Requests and responses are TF Serving's messages. An error is a `StatusError` with the code and the message of
tensorflow/serving: model_servers/server_core.cc, core/basic_manager.cc.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import model_pb2

from tfbert.serving.host import event_loop
from tfbert.serving.host.bytes_in_flight import BytesInFlight, HeldBytes
from tfbert.serving.host.metrics import Metrics
from tfbert.serving.host.model_methods import ModelMethods
from tfbert.serving.host.request_log import log_failure, log_request
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.protocol import inference
from tfbert.serving.protocol.model_specs import check_name, check_rows, check_spec, common_spec, rows_of, rows_sent
from tfbert.serving.protocol.signatures import DEFAULT_SIGNATURE
from tfbert.serving.protocol.status_codes import Code, StatusError, invalid

_PREDICTIONS = {
    "Predict": inference.Predict,
    "Classify": inference.Classify,
    "Regress": inference.Regress,
    "MultiInference": inference.MultiInference,
}


_LARGE_REQUEST = 2**20


class ServerCore:
    """Answers each method by name. Belongs to the event loop in which it is made.

    Args:
        max_concurrent: predictions in progress, including those that wait; more are RESOURCE_EXHAUSTED.
        max_rows: texts, examples or rows of ids in a request; more are INVALID_ARGUMENT.
        max_bytes_in_flight: of all requests' messages, inputs and outputs; more are RESOURCE_EXHAUSTED.
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
        max_bytes_in_flight: int = 2**30,
        reload_config: bool = True,
    ) -> None:
        self._models, self._metrics, self._max_concurrent = models, metrics, max_concurrent
        self._model_methods = ModelMethods(models, reload_config=reload_config).by_name()
        self.max_rows = max_rows
        self.bytes_in_flight = BytesInFlight(max_bytes_in_flight)
        # Apart, so that messages that arrive slowly, or never, keep nobody else out.
        self.bytes_arriving = BytesInFlight(max_bytes_in_flight)
        self._inbox = event_loop.Inbox()
        self._in_flight = self._unfinished = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    async def call(
        self,
        method: str,
        request: Any,
        *,
        protocol: str,
        deadline: float | None = None,
        held: HeldBytes | None = None,
    ) -> Any:
        """The response to a request for a method of PredictionService or ModelService.

        A prediction that is not done at `deadline`, by `time.monotonic`, is DEADLINE_EXCEEDED. Nothing more is computed
        of it, nor of one whose call is cancelled.

        Args:
            held: the bytes of this request, to which its inputs and outputs are added.
        """
        begun = time.perf_counter()
        # The model's name is added once a model has it: until then it is the client's, and may be a text.
        facts = {"method": method, "protocol": protocol, "model": "", "bytes": request.ByteSize()}
        code = 0
        try:
            if method in _PREDICTIONS:
                with self._admitted():
                    return await self._predict(_PREDICTIONS[method], request, facts, deadline, held)
            return await self._model_methods[method](request, facts)
        except StatusError as error:
            code = error.error_code
            raise
        except asyncio.CancelledError:
            late = deadline is not None and deadline <= time.monotonic()  # who calls may notice it first
            code = Code.DEADLINE_EXCEEDED if late else Code.CANCELLED
            raise
        except Exception as error:
            code = Code.INTERNAL
            log_failure(method, error)
            raise StatusError(Code.INTERNAL, f"{type(error).__name__}: {error}") from error
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
        self.refused("any", Code.UNAUTHENTICATED, 0.0, protocol=protocol, size=0)

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

    async def _predict(
        self, kind: type, request: Any, facts: dict[str, Any], deadline: float | None, held: HeldBytes | None
    ) -> Any:
        if kind is inference.MultiInference:
            spec = common_spec(request.tasks)
        else:
            check_spec(request)
            spec = request.model_spec
        check_name(spec)
        with self._models.lease(spec) as served:
            facts.update(model=served.model, version=served.version)
            # Before anything is made of the rows, and again when they are known.
            check_rows(rows_sent(served.servable.signatures, request), self.max_rows)
            if facts["bytes"] > _LARGE_REQUEST:  # so that the event loop can answer others meanwhile
                call = await asyncio.to_thread(kind, served.servable.signatures, request)
            else:
                call = kind(served.servable.signatures, request)
            facts.update(signature=call.runs[0][0], rows=rows_of(call.runs[0][1]))
            for name, inputs in call.runs:
                check_rows(served.servable.signatures.rows(name, inputs), self.max_rows)
            hold = None
            if held is not None:
                hold = held.add
                held.add(sum(array.nbytes for _, inputs in call.runs for array in inputs.values()))
            futures: list[concurrent.futures.Future] = []
            try:
                async with asyncio.timeout(None if deadline is None else max(deadline - time.monotonic(), 0)):
                    for run in call.runs:
                        futures.append(served.batcher.submit(*run, deadline=deadline, hold=hold))
                    outputs = [await self._inbox.result(future) for future in futures]
            except TimeoutError:
                what = "the deadline passed before all rows were computed"
                raise StatusError(Code.DEADLINE_EXCEEDED, what) from None
            finally:
                for future in futures:  # those that are done are not changed by this
                    future.cancel()
            return call.response(outputs, served.version)

    @contextlib.contextmanager
    def _admitted(self) -> Iterator[None]:
        if self._draining:
            raise StatusError(Code.UNAVAILABLE, "the server is shutting down")
        if self._in_flight >= self._max_concurrent:
            raise StatusError(
                Code.RESOURCE_EXHAUSTED,
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
