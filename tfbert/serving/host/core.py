"""What every protocol of the server asks: TF Serving's methods over the models, with limits, metrics and log.

Messages go in and come out as TF Serving's protos; an error is a `tf.errors.OpError` with the code and the message
of tensorflow/serving: model_servers/server_core.cc and get_model_status_impl.cc, servables/tensorflow/
get_model_metadata_impl.cc, core/basic_manager.cc.
"""

import asyncio
import contextlib
import time
import traceback

import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_management_pb2

from tfbert.errors import ServingError
from tfbert.serving.host import event_loop
from tfbert.serving.host.request_log import log_failure, log_request
from tfbert.serving.models.versions import settings_of
from tfbert.serving.protocol import inference
from tfbert.serving.protocol.inference import invalid

_PREDICTIONS = {
    "Predict": inference.Predict,
    "Classify": inference.Classify,
    "Regress": inference.Regress,
    "MultiInference": inference.MultiInference,
}


class ServerCore:
    """Answers each method by name. Belongs to one event loop.

    `models`: `ModelManager`; `metrics`: `Metrics`; `max_concurrent`: predictions under way at once, those that wait
    included; more are RESOURCE_EXHAUSTED.

    >>> core = ServerCore(models, metrics=metrics, max_concurrent=1000)
    >>> await core.call("Predict", predict_request, protocol="grpc")
    """

    def __init__(self, models, *, metrics, max_concurrent):
        self._models, self._metrics, self._max_concurrent = models, metrics, max_concurrent
        self._inbox = event_loop.Inbox()
        self._in_flight = self._unfinished = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    async def call(self, method, request, *, protocol):
        """The response to a request of a method of PredictionService or ModelService."""
        begun = time.perf_counter()
        # A name that no model has is the client's invention, and may be a text.
        facts = {"method": method, "protocol": protocol, "model": "", "bytes": request.ByteSize()}
        code = 0
        try:
            if method in _PREDICTIONS:
                with self._admitted():
                    return await self._predict(_PREDICTIONS[method], request, facts)
            return await getattr(self, f"_{method}")(request, facts)
        except tf.errors.OpError as error:
            code = error.error_code
            raise
        except asyncio.CancelledError:
            code = tf.errors.CANCELLED
            raise
        except Exception as error:
            code = tf.errors.INTERNAL
            log_failure(method, traceback.extract_tb(error.__traceback__), type(error).__name__)
            raise tf.errors.InternalError(None, None, f"{type(error).__name__}: {error}") from error
        finally:
            seconds = time.perf_counter() - begun
            self._metrics.request(method, facts["model"], protocol, code, seconds)
            log_request(facts, code, seconds)

    def refused(self, method, code, seconds, *, protocol, size):
        """Counts and logs a request that could not be read, so that `call` was never asked; `size`: its bytes."""
        self._metrics.request(method, "", protocol, code, seconds)
        log_request({"method": method, "protocol": protocol, "model": "", "bytes": size}, code, seconds)

    async def drain(self, timeout):
        """Refuses new predictions and waits for what is unfinished; False if `timeout` seconds were too short."""
        self._draining = True
        try:
            await asyncio.wait_for(self._idle.wait(), timeout)
            return True
        except TimeoutError:
            return False

    @contextlib.contextmanager
    def unfinished(self):
        """What `drain` waits for: a prediction, or within this block also the writing of its answer."""
        self._unfinished += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._unfinished -= 1
            if not self._unfinished:
                self._idle.set()

    def signature_inputs(self, spec):
        """The inputs (name -> TensorInfo) of the signature that a ModelSpec asks for; REST reads JSON by them."""
        _check_named(spec)
        with self._models.lease(spec) as served:
            key = spec.signature_name or inference.DEFAULT_SIGNATURE
            if key not in served.servable.signatures:
                raise invalid(f'Serving signature name: "{key}" not found in signature def')
            return served.servable.signature_defs[key].inputs

    async def _predict(self, kind, request, facts):
        if kind is inference.MultiInference:
            spec = _common_spec(request.tasks)
        else:
            _check_spec(request)
            spec = request.model_spec
        _check_named(spec)
        with self._models.lease(spec) as served:
            facts.update(model=served.model, version=served.version)
            call = kind(served.servable, request)
            facts.update(signature=call.work[0][0], rows=_rows(call.work[0][1]))
            futures = [served.batcher.submit(*work) for work in call.work]
            return call.response([await self._inbox.result(future) for future in futures], served.version)

    async def _GetModelMetadata(self, request, facts):
        _check_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        _check_named(request.model_spec)
        with self._models.lease(request.model_spec) as served:
            facts.update(model=served.model, version=served.version)
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for key, signature in served.servable.signature_defs.items():
                signatures.signature_def[key].CopyFrom(signature)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = served.model
            response.model_spec.version.value = served.version
            response.metadata["signature_def"].Pack(signatures)
            return response

    async def _GetModelStatus(self, request, facts):
        _check_spec(request)
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
            raise tf.errors.NotFoundError(None, None, f"Could not find {what} of model {spec.name}")
        facts["model"] = spec.name
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, state, error in found:
            status = {"error_code": tf.errors.UNKNOWN, "error_message": error} if error else {}
            response.model_version_status.add(version=version, state=state, status=status)
        return response

    async def _HandleReloadConfigRequest(self, request, facts):
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        try:
            # Loading takes long; the loop answers others meanwhile.
            await event_loop.aside(lambda: self._models.reload(settings_of(request.config)))
        except ServingError as error:
            raise tf.errors.FailedPreconditionError(None, None, str(error)) from None
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = 0
        return response

    @contextlib.contextmanager
    def _admitted(self):
        if self._draining:
            raise tf.errors.UnavailableError(None, None, "the server is shutting down")
        if self._in_flight >= self._max_concurrent:
            raise tf.errors.ResourceExhaustedError(
                None, None, f"{self._in_flight} requests are under way, which is the limit; ask again later"
            )
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            with self.unfinished():
                yield
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)


def _check_spec(request):
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")


def _check_named(spec):
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")


def _common_spec(tasks):
    if not tasks:
        raise invalid("Found no tasks in the MultiInferenceRequest.")
    if not all(task.model_spec.name for task in tasks):
        raise invalid("Found ModelSpec with an empty model name.")
    if len({task.model_spec.name for task in tasks}) > 1:
        raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    return tasks[0].model_spec


def _rows(inputs):
    array = next(iter(inputs.values()), None)
    return len(array) if array is not None and array.ndim else 1
