"""What both clients send and receive: arguments -> TF Serving's requests; responses and gRPC's errors -> Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import grpc
import numpy as np
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from tfbert.errors import ServingError
from tfbert.serving.protocol import dtypes, tensor_proto

# No limit here: the server decides how large a message may be.
CHANNEL_OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]

Texts: TypeAlias = Sequence[str | bytes] | np.ndarray


class RequestError(ServingError):
    """A call that failed.

    Attributes:
        code: a `grpc.StatusCode`.
        details: the server's message.
        address: the server's.

    >>> error = RequestError("no such model", code=grpc.StatusCode.NOT_FOUND, details="", address="localhost:8500")
    >>> error.code.name
    'NOT_FOUND'
    """

    def __init__(self, message: str, *, code: grpc.StatusCode, details: str, address: str) -> None:
        super().__init__(message)
        self.code, self.details, self.address = code, details, address


class Messages:
    """Makes the requests for one model at one address.

    >>> messages = Messages("localhost:8500", "mine", version=None, version_label=None)
    >>> request, size = messages.texts_request(["a text"], None, "serving_default")
    >>> list(request.inputs["text"].string_val), size
    ([b'a text'], 1)
    """

    def __init__(self, address: str, model: str, *, version: int | None, version_label: str | None) -> None:
        if version is not None and version_label is not None:
            raise ServingError("give a version or a version_label, not both")
        self.address, self.model = address, model
        self._version, self._label = version, version_label

    def texts_request(
        self, text: Texts | Mapping[str, Texts], text_pair: Texts | None, signature_name: str
    ) -> tuple[predict_pb2.PredictRequest, int]:
        """The request, and how many texts it has."""
        inputs = dict(text) if isinstance(text, Mapping) else {"text": text}
        if text_pair is not None:
            inputs["text_pair"] = text_pair
        protos = {name: to_proto(name, value) for name, value in inputs.items()}
        sizes = {name: proto.tensor_shape.dim[0].size for name, proto in protos.items()}
        if len(set(sizes.values())) != 1:
            raise ServingError(f"all inputs need one value per text, but their lengths are {sizes}")
        return self._request(protos, signature_name, ()), next(iter(sizes.values()))

    def arrays_request(
        self, inputs: Mapping[str, Texts | np.ndarray], signature_name: str, output_filter: Sequence[str]
    ) -> predict_pb2.PredictRequest:
        """A request with any inputs."""
        if isinstance(output_filter, str):
            raise ServingError(f"output_filter={output_filter!r}: give a list of output names")
        return self._request(
            {name: to_proto(name, value) for name, value in inputs.items()}, signature_name, output_filter
        )

    def metadata_request(self) -> get_model_metadata_pb2.GetModelMetadataRequest:
        """A request for the signatures."""
        return self._for_model(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]))

    def status_request(self) -> get_model_status_pb2.GetModelStatusRequest:
        """A request for the versions' states."""
        return self._for_model(get_model_status_pb2.GetModelStatusRequest())

    def error(self, error: Any, timeout: float) -> RequestError:
        """The RequestError for gRPC's error, with what to do about it."""
        code, details = error.code(), error.details() or ""
        advice = {
            grpc.StatusCode.DEADLINE_EXCEEDED: (
                f"; no answer in {timeout:g} s: check that the server runs, or give a longer timeout"
            ),
            grpc.StatusCode.UNAUTHENTICATED: "; give the server's api_key",
            grpc.StatusCode.UNAVAILABLE: "; start the server, or check the address",
        }.get(code, "")
        message = f"{self.address}, model {self.model!r}: {code.name}: {details}{advice}"
        return RequestError(message, code=code, details=details, address=self.address)

    def _request(
        self, protos: Mapping[str, tensor_pb2.TensorProto], signature_name: str, output_filter: Sequence[str]
    ) -> predict_pb2.PredictRequest:
        request = self._for_model(predict_pb2.PredictRequest(output_filter=output_filter))
        request.model_spec.signature_name = signature_name
        for name, proto in protos.items():
            request.inputs[name].CopyFrom(proto)
        return request

    def _for_model(self, request: Any) -> Any:
        request.model_spec.name = self.model
        if self._version is not None:
            request.model_spec.version.value = self._version
        if self._label is not None:
            request.model_spec.version_label = self._label
        return request


def came_from_server(error: RequestError) -> bool:
    """Whether the error shows that a server is there: gRPC itself raises two of the codes."""
    return error.code not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)


def arrays(response: predict_pb2.PredictResponse) -> dict[str, np.ndarray]:
    """The outputs of a PredictResponse by name."""
    return {name: tensor_proto.to_array(proto) for name, proto in response.outputs.items()}


def rows(response: predict_pb2.PredictResponse, size: int) -> list[dict[str, Any]]:
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


def metadata(response: get_model_metadata_pb2.GetModelMetadataResponse) -> dict[str, Any]:
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


def status(response: get_model_status_pb2.GetModelStatusResponse) -> list[dict[str, Any]]:
    """A GetModelStatusResponse as a list of dicts."""
    return [
        {
            "version": version.version,
            "state": get_model_status_pb2.ModelVersionStatus.State.Name(version.state),
            "error": version.status.error_message,
        }
        for version in response.model_version_status
    ]


def checked_timeout(timeout: float) -> float:
    """The seconds; ServingError unless they are a positive, finite number.

    >>> checked_timeout(5)
    5.0
    """
    if not isinstance(timeout, (int, float)) or not (timeout > 0 and math.isfinite(timeout)):
        raise ServingError(f"timeout={timeout!r}: give a number of seconds over 0; every call needs a deadline")
    return float(timeout)


def key_metadata(api_key: str | None) -> list[tuple[str, str]]:
    """What every call carries for a server that asks for a key; ServingError for what cannot be one.

    >>> key_metadata("a-key-of-some-length")
    [('authorization', 'Bearer a-key-of-some-length')]
    """
    if api_key is None:
        return []
    if not isinstance(api_key, str) or not api_key or not all("!" <= character <= "~" for character in api_key):
        raise ServingError("api_key: give a string of printable ASCII without spaces, as in the server's file")
    return [("authorization", f"Bearer {api_key}")]


def to_proto(name: str, value: Texts | np.ndarray) -> tensor_pb2.TensorProto:
    """A list of texts or an array, as an input's TensorProto; ServingError, which names the input, for anything else.

    >>> list(to_proto("text", ["a text"]).string_val)
    [b'a text']
    """
    if isinstance(value, (str, bytes)):
        raise ServingError(f"{name}: give a list of texts, not one text (put it in [ ])")
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OUS":
        return _with_batch(name, tensor_proto.encode(value))
    try:
        values = value.tolist() if isinstance(value, np.ndarray) else list(value)
    except TypeError:
        raise ServingError(f"{name}: give a list of texts or an array, not {value!r}") from None
    if all(isinstance(item, (str, bytes)) for item in values):
        proto = tensor_pb2.TensorProto(dtype=dtypes.STRING.number, tensor_shape={"dim": [{"size": len(values)}]})
        # Half of a surrogate pair becomes invalid UTF-8, which the graph replaces like any other.
        proto.string_val.extend(
            item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item for item in values
        )
        return proto
    try:
        return _with_batch(name, tensor_proto.encode(tensor_proto.from_lists(values)))
    except (TypeError, ValueError) as error:
        raise ServingError(f"{name}: give a list of texts or an array ({error})") from error


def _with_batch(name: str, proto: tensor_pb2.TensorProto) -> tensor_pb2.TensorProto:
    if not proto.tensor_shape.dim:
        raise ServingError(f"{name}: needs a batch dimension; put the value in [ ]")
    return proto


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _describe(infos: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, tuple[str, list[int] | None]]:
    return {
        name: (
            dtypes.of_number(info.dtype).name,
            None if info.tensor_shape.unknown_rank else [dim.size for dim in info.tensor_shape.dim],
        )
        for name, info in infos.items()
    }
