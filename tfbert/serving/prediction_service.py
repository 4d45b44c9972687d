"""TF Serving's gRPC services over one loaded model: PredictionService and ModelService.

Status codes and messages follow tensorflow/serving: servables/tensorflow/predict_util.cc and
get_model_metadata_impl.cc, model_servers/server_core.cc and get_model_status_impl.cc, core/basic_manager.cc.
Classify, Regress, MultiInference and HandleReloadConfigRequest answer UNIMPLEMENTED.
"""

import contextlib
import logging
import threading
import time

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}  # TensorFlow's numbers are gRPC's
_MAX_MESSAGE = 1024  # model_servers/grpc_status_util.cc: longer ones do not fit in the HTTP/2 headers


class PredictionService(
    prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer
):
    """Answers Predict, GetModelMetadata and GetModelStatus for one `Servable`.

    At most `workers` predictions are computed at once; the others wait, each until its own deadline.

    >>> service = PredictionService(servable, workers=2)
    >>> prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, grpc_server)
    >>> model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, grpc_server)
    """

    def __init__(self, servable, *, workers):
        self.servable = servable
        self._slots = threading.Semaphore(workers)
        self._changed = threading.Condition()
        self._in_flight = 0
        self._draining = False

    def Predict(self, request, context):
        with self._status(context):
            self._check_model(request)
            with self._admitted(), self._slot(context):
                return self.servable.predict(request)

    def GetModelMetadata(self, request, context):
        with self._status(context):
            _check_spec(request)
            if not request.metadata_field:
                raise _error(
                    tf.errors.INVALID_ARGUMENT,
                    "GetModelMetadataRequest must specify at least one metadata_field",
                )
            for field in request.metadata_field:
                if field != "signature_def":
                    raise _error(tf.errors.INVALID_ARGUMENT, f"Metadata field {field} is not supported")
            self._check_model(request)
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for key, signature in self.servable.signature_defs.items():
                signatures.signature_def[key].CopyFrom(signature)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = self.servable.name
            response.model_spec.version.value = self.servable.version
            response.metadata["signature_def"].Pack(signatures)
            return response

    def GetModelStatus(self, request, context):
        with self._status(context):
            _check_spec(request)
            spec = request.model_spec
            asked = spec.version.value if spec.HasField("version") else self.servable.version
            if spec.name != self.servable.name and not spec.HasField("version"):
                raise _error(tf.errors.NOT_FOUND, f"Could not find any versions of model {spec.name}")
            if spec.name != self.servable.name or asked != self.servable.version:
                raise _error(tf.errors.NOT_FOUND, f"Could not find version {asked} of model {spec.name}")
            response = get_model_status_pb2.GetModelStatusResponse()
            response.model_version_status.add(
                version=self.servable.version,
                state=get_model_status_pb2.ModelVersionStatus.AVAILABLE,
                status={},  # present and OK, as TF Serving sends it
            )
            return response

    def drain(self, timeout):
        """Refuses new predictions and waits for the others; False if `timeout` seconds were too short."""
        with self._changed:
            self._draining = True
            return self._changed.wait_for(lambda: not self._in_flight, timeout)

    def _check_model(self, request):
        _check_spec(request)
        spec = request.model_spec
        if not spec.name:
            raise _error(tf.errors.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            raise _error(tf.errors.INVALID_ARGUMENT, f"Unrecognized servable version label: {spec.version_label}")
        if choice == "version":
            found = spec.version.value == self.servable.version
            asked = f"Specific({spec.name}, {spec.version.value})"
        else:
            found, asked = True, f"Latest({spec.name})"
        if not found or spec.name != self.servable.name:
            raise _error(tf.errors.NOT_FOUND, f"Servable not found for request: {asked}")

    @contextlib.contextmanager
    def _status(self, context):
        """Ends the call with the status of an error in the block; one that nobody foresaw is INTERNAL."""
        try:
            yield
            return
        except tf.errors.OpError as error:
            code, message = _STATUS_CODES.get(error.error_code, grpc.StatusCode.UNKNOWN), error.message
        except Exception as error:
            logging.exception("a request failed")
            code, message = grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}"
        if len(message) > _MAX_MESSAGE:
            message = f"{message[:_MAX_MESSAGE]}...TRUNCATED"
        context.abort(code, message)

    @contextlib.contextmanager
    def _admitted(self):
        with self._changed:
            if self._draining:
                raise _error(tf.errors.UNAVAILABLE, "the server is shutting down")
            self._in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def _slot(self, context):
        remaining = context.time_remaining()
        started = time.monotonic()
        # Without a deadline gRPC says some centuries, which a lock does not accept.
        timeout = None if remaining is None or remaining > 1e6 else remaining
        if not self._slots.acquire(timeout=timeout):
            raise _error(
                tf.errors.DEADLINE_EXCEEDED,
                f"the deadline passed after {time.monotonic() - started:.3f} s of waiting",
            )
        try:
            # Nobody reads the answer of a call that was cancelled, or whose time is over, while it waited.
            if not context.is_active() or context.time_remaining() == 0:
                raise _error(
                    tf.errors.DEADLINE_EXCEEDED,
                    "the deadline passed, or the call was cancelled, before it was computed",
                )
            yield
        finally:
            self._slots.release()


def _check_spec(request):
    if not request.HasField("model_spec"):
        raise _error(tf.errors.INVALID_ARGUMENT, "Missing ModelSpec")


def _error(code, message):
    return tf.errors.OpError(None, None, message, code)
