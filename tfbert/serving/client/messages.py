"""What both clients say and hear: arguments -> TF Serving's requests, responses and gRPC's errors -> Python."""

import math

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from tfbert.errors import ServingError

# The server decides how large a message may be.
CHANNEL_OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class RequestError(ServingError):
    """A call that failed: `code` (a `grpc.StatusCode`), `details` (the server's message), `address`."""

    def __init__(self, message, *, code, details, address):
        super().__init__(message)
        self.code, self.details, self.address = code, details, address


class Messages:
    """The requests for one model at one address, and what comes back.

    >>> messages = Messages("localhost:8500", "mine", version=None, version_label=None)
    >>> request, size = messages.texts_request(["a text"], None, "serving_default")
    """

    def __init__(self, address, model, *, version, version_label):
        if version is not None and version_label is not None:
            raise ServingError("give a version or a version_label, not both")
        self.address, self.model = address, model
        self._version, self._label = version, version_label

    def texts_request(self, text, text_pair, signature_name):
        """(PredictRequest, number of texts)."""
        inputs = dict(text) if isinstance(text, dict) else {"text": text}
        if text_pair is not None:
            inputs["text_pair"] = text_pair
        protos = {name: encode(name, value) for name, value in inputs.items()}
        sizes = {name: proto.tensor_shape.dim[0].size for name, proto in protos.items()}
        if len(set(sizes.values())) != 1:
            raise ServingError(f"the inputs need one value per text each, but have these lengths: {sizes}")
        return self._request(protos, signature_name, ()), next(iter(sizes.values()))

    def arrays_request(self, inputs, signature_name, output_filter):
        """A PredictRequest of any inputs."""
        if isinstance(output_filter, str):
            raise ServingError(f"output_filter={output_filter!r}: give a list of output names")
        return self._request(
            {name: encode(name, value) for name, value in inputs.items()}, signature_name, output_filter
        )

    def metadata_request(self):
        return self._for_model(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]))

    def status_request(self):
        return self._for_model(get_model_status_pb2.GetModelStatusRequest())

    def error(self, error, timeout):
        """The RequestError of a failed call, with what to do about it."""
        code, details = error.code(), error.details() or ""
        advice = {
            grpc.StatusCode.DEADLINE_EXCEEDED: f"; no answer in {timeout:g} s: is it running, or busy?",
            grpc.StatusCode.UNAVAILABLE: "; start the server, or check the address",
        }.get(code, "")
        message = f"{self.address}, model {self.model!r}: {code.name}: {details}{advice}"
        return RequestError(message, code=code, details=details, address=self.address)

    def _request(self, protos, signature_name, output_filter):
        request = self._for_model(predict_pb2.PredictRequest(output_filter=output_filter))
        request.model_spec.signature_name = signature_name
        for name, proto in protos.items():
            request.inputs[name].CopyFrom(proto)
        return request

    def _for_model(self, request):
        request.model_spec.name = self.model
        if self._version is not None:
            request.model_spec.version.value = self._version
        if self._label is not None:
            request.model_spec.version_label = self._label
        return request


def came_from_server(error):
    """Whether a RequestError shows that a server is there; two codes gRPC may say by itself."""
    return error.code not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)


def arrays(response):
    """The outputs of a PredictResponse by name."""
    return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}


def rows(response, size):
    """The outputs of a PredictResponse as one dict for each of `size` texts."""
    columns = {}
    for name, array in sorted(arrays(response).items()):
        if array.shape[:1] != (size,):
            raise ServingError(
                f"output {name!r} has shape {list(array.shape)}, not one row for each of {size} texts; "
                f"use predict_arrays"
            )
        columns[name] = _plain(array.tolist())
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def metadata(response):
    """A GetModelMetadataResponse as a dict."""
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


def status(response):
    """A GetModelStatusResponse as a list of dicts."""
    return [
        {
            "version": version.version,
            "state": get_model_status_pb2.ModelVersionStatus.State.Name(version.state),
            "error": version.status.error_message,
        }
        for version in response.model_version_status
    ]


def checked_timeout(timeout):
    """Seconds as a float; ServingError for anything that is no end."""
    if not isinstance(timeout, (int, float)) or not (timeout > 0 and math.isfinite(timeout)):
        raise ServingError(f"timeout={timeout!r}: give a number of seconds over 0; no call goes without one")
    return float(timeout)


def encode(name, value):
    """A list of texts or an array as a TensorProto; ServingError, naming it, for anything else."""
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
