"""A gRPC client for the embedded server and for TF Serving; every call has a deadline."""

import math

import grpc
import numpy as np
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfbert.errors import ServingError


class RequestError(ServingError):
    """A call that failed: `code` (a `grpc.StatusCode`), `details` (the server's message), `address`."""

    def __init__(self, message, *, code, details, address):
        super().__init__(message)
        self.code, self.details, self.address = code, details, address


class Client:
    """Asks a served model for predictions; may be shared between threads.

    `address`: host:port; `model`: the served name; `timeout`: seconds for a call, connecting included (there
    is no call without one); `version`: a version number, the newest unless given; `root_certificates`: PEM
    bytes, for a server behind TLS. Calls raise `RequestError`; a wrong argument is a `ServingError`.

    >>> with Client("localhost:8500", model="mine") as client:
    ...     client.predict(["a film to treasure"])
    [{'label': 'positive', 'logits': [-2.5, 2.75], 'probabilities': [0.005, 0.995]}]
    """

    def __init__(self, address, *, model, timeout=5.0, version=None, root_certificates=None):
        self.address, self.model, self.version = address, model, version
        self.timeout = _checked_timeout(timeout)
        self._reached = False
        # The server decides how large a message may be.
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        if root_certificates is None:
            self._channel = grpc.insecure_channel(address, options)
        else:
            credentials = grpc.ssl_channel_credentials(root_certificates)
            self._channel = grpc.secure_channel(address, credentials, options)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model_service = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    def predict(self, text, text_pair=None, *, timeout=None, signature_name="serving_default"):
        """One dict per text, with each output's value for it: str, float, or lists of them.

        `text`, `text_pair`: lists of str or bytes, equally long; or `text` is a dict from input names to
        lists, for a signature with other inputs.
        """
        inputs = dict(text) if isinstance(text, dict) else {"text": text}
        if text_pair is not None:
            inputs["text_pair"] = text_pair
        protos = {name: _encode(name, value) for name, value in inputs.items()}
        sizes = {name: proto.tensor_shape.dim[0].size for name, proto in protos.items()}
        if len(set(sizes.values())) != 1:
            raise ServingError(f"the inputs need one value per text each, but have these lengths: {sizes}")
        (size,) = set(sizes.values())
        if not size:
            return []
        columns = {}
        for name, array in sorted(self._predict(protos, timeout, signature_name, ()).items()):
            if array.shape[:1] != (size,):
                raise ServingError(
                    f"output {name!r} has shape {list(array.shape)}, not one row for each of {size} texts; "
                    f"use predict_arrays"
                )
            columns[name] = _plain(array.tolist())
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def predict_arrays(self, inputs, *, timeout=None, signature_name="serving_default", output_filter=()):
        """The outputs by name as numpy arrays (strings: bytes objects), for any signature.

        `inputs`: a dict from input names to lists of str or bytes or to arrays; `output_filter`: the outputs
        wanted, all unless given.
        """
        protos = {name: _encode(name, value) for name, value in inputs.items()}
        return self._predict(protos, timeout, signature_name, output_filter)

    def metadata(self, *, timeout=None):
        """The served version and its signatures: each input and output as `(dtype, shape)`, -1: any size."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        response = self._call(self._prediction.GetModelMetadata, self._for_model(request), timeout)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return {
            "name": response.model_spec.name,
            "version": response.model_spec.version.value,
            "signatures": {
                key: {"inputs": _describe(signature.inputs), "outputs": _describe(signature.outputs)}
                for key, signature in signatures.signature_def.items()
                if not key.startswith("__")  # TensorFlow's own, such as __saved_model_init_op
            },
        }

    def status(self, *, timeout=None):
        """The versions that the server knows: `[{"version": 1, "state": "AVAILABLE", "error": ""}]`."""
        request = self._for_model(get_model_status_pb2.GetModelStatusRequest())
        response = self._call(self._model_service.GetModelStatus, request, timeout)
        return [
            {
                "version": version.version,
                "state": get_model_status_pb2.ModelVersionStatus.State.Name(version.state),
                "error": version.status.error_message,
            }
            for version in response.model_version_status
        ]

    def healthy(self, *, timeout=None):
        """Whether the server says that it serves; False, not an error, if it cannot be reached.

        TF Serving has the health service only with --enable_grpc_healthcheck_service; without it the model's
        status is asked for.
        """
        try:
            response = self._call(self._health.Check, health_pb2.HealthCheckRequest(), timeout, wait=False)
            return response.status == health_pb2.HealthCheckResponse.SERVING
        except RequestError as error:
            if error.code != grpc.StatusCode.UNIMPLEMENTED:
                return False
        try:
            return any(version["state"] == "AVAILABLE" for version in self.status(timeout=timeout))
        except RequestError:
            return False

    def close(self):
        """Closes the connection; calls under way are cancelled."""
        self._channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _predict(self, protos, timeout, signature_name, output_filter):
        if isinstance(output_filter, str):
            raise ServingError(f"output_filter={output_filter!r}: give a list of output names")
        request = self._for_model(predict_pb2.PredictRequest(output_filter=output_filter))
        request.model_spec.signature_name = signature_name
        for name, proto in protos.items():
            request.inputs[name].CopyFrom(proto)
        response = self._call(self._prediction.Predict, request, timeout)
        return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}

    def _for_model(self, request):
        request.model_spec.name = self.model
        if self.version is not None:
            request.model_spec.version.value = self.version
        return request

    def _call(self, method, request, timeout, wait=True):
        timeout = self.timeout if timeout is None else _checked_timeout(timeout)
        try:
            # A server that is just starting is waited for; one that was there and went away is told at once.
            response = method(request, timeout=timeout, wait_for_ready=wait and not self._reached)
        except ValueError as error:  # gRPC's words for a closed channel
            raise ServingError(f"{self.address}: {error}; make another Client") from error
        except grpc.RpcError as error:
            code, details = error.code(), error.details() or ""
            advice = {
                grpc.StatusCode.DEADLINE_EXCEEDED: f"; no answer in {timeout:g} s: is it running, or busy?",
                grpc.StatusCode.UNAVAILABLE: "; start the server, or check the address",
            }.get(code, "")
            # These two gRPC may say by itself; any other code came from a server.
            self._reached = self._reached or not advice
            raise RequestError(
                f"{self.address}, model {self.model!r}: {code.name}: {details}{advice}",
                code=code,
                details=details,
                address=self.address,
            ) from error
        self._reached = True
        return response


def _checked_timeout(timeout):
    if not isinstance(timeout, (int, float)) or not (timeout > 0 and math.isfinite(timeout)):
        raise ServingError(f"timeout={timeout!r}: give a number of seconds over 0; no call goes without one")
    return float(timeout)


def _encode(name, value):
    if isinstance(value, (str, bytes)):
        raise ServingError(f"{name}: give a list of texts, not one text (put it in [ ])")
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OUS":
        return _with_batch(name, tf.make_tensor_proto(value))
    try:
        values = value.tolist() if isinstance(value, np.ndarray) else list(value)
    except TypeError:
        raise ServingError(f"{name}: give a list of texts or an array, not {value!r}") from None
    if all(isinstance(item, (str, bytes)) for item in values):
        proto = tf.make_tensor_proto([], tf.string, [0])
        proto.tensor_shape.dim[0].size = len(values)
        # Half a surrogate pair becomes invalid UTF-8, which the graph replaces as it does any other.
        proto.string_val.extend(
            item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item for item in values
        )
        return proto
    try:
        return _with_batch(name, tf.make_tensor_proto(values))
    except (TypeError, ValueError) as error:
        raise ServingError(f"{name}: neither texts nor an array ({error})") from error


def _with_batch(name, proto):
    if not proto.tensor_shape.dim:
        raise ServingError(f"{name}: needs a batch dimension; put the value in [ ]")
    return proto


def _plain(value):
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _describe(infos):
    return {
        name: (
            tf.as_dtype(info.dtype).name,
            None if info.tensor_shape.unknown_rank else [dim.size for dim in info.tensor_shape.dim],
        )
        for name, info in infos.items()
    }
