"""A gRPC client for the embedded server and for TF Serving; every call has a deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.client import messages as client_messages
from tfbert.serving.client.connection import Connection
from tfbert.serving.client.messages import RequestError, Texts


class Client(Connection):
    """Asks a served model for predictions. Threads can share a client.

    Args:
        address: host:port.
        model: the served name.
        timeout: seconds for a call, connecting included; there is no call without a deadline.
        version, version_label: a version's number or its label; the newest version unless one is given.
        root_certificates: PEM bytes, for a server with TLS.
        certificate, key: PEM bytes, for a server that asks clients for a certificate.
        api_key: for a server with --api_key_file. Without TLS it crosses the network unencrypted.

    Raises:
        RequestError: from calls: the server refused, or did not answer in time.
        ServingError: a wrong argument.

    >>> with Client("localhost:8500", model="mine") as client:  # doctest: +SKIP
    ...     client.predict(["a film to treasure"])
    [{'label': 'positive', 'logits': [-2.5, 2.75], 'probabilities': [0.005, 0.995]}]
    """

    _grpc = grpc

    def predict(
        self,
        text: Texts | Mapping[str, Texts],
        text_pair: Texts | None = None,
        *,
        timeout: float | None = None,
        signature_name: str = "serving_default",
    ) -> list[dict[str, Any]]:
        """One dict per text, with each output's value for it: str, float, or lists of them.

        Args:
            text, text_pair: lists of str or bytes, equally long; or `text` is a dict from input names to lists, for a
                signature with other inputs.
        """
        request, size = self._messages.texts_request(text, text_pair, signature_name)
        return client_messages.rows(self._call(self._prediction.Predict, request, timeout), size) if size else []

    def predict_arrays(
        self,
        inputs: Mapping[str, Texts | np.ndarray],
        *,
        timeout: float | None = None,
        signature_name: str = "serving_default",
        output_filter: Sequence[str] = (),
    ) -> dict[str, np.ndarray]:
        """The outputs of any signature as numpy arrays; strings are bytes objects.

        Args:
            inputs: input name -> list of str or bytes, or array.
            output_filter: the outputs that are wanted; all unless given.
        """
        request = self._messages.arrays_request(inputs, signature_name, output_filter)
        return client_messages.arrays(self._call(self._prediction.Predict, request, timeout))

    def metadata(self, *, timeout: float | None = None) -> dict[str, Any]:
        """The served version and its signatures: each input and output as `(dtype, shape)`, in which -1 is any size."""
        request = self._messages.metadata_request()
        return client_messages.metadata(self._call(self._prediction.GetModelMetadata, request, timeout))

    def status(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """The versions that the server knows: `[{"version": 1, "state": "AVAILABLE", "error": ""}]`."""
        request = self._messages.status_request()
        return client_messages.status(self._call(self._model_service.GetModelStatus, request, timeout))

    def healthy(self, *, timeout: float | None = None) -> bool:
        """Whether the server reports that it serves; False, not an error, if it cannot be reached.

        TF Serving has the health service only with --enable_grpc_healthcheck_service; without it, this asks for the
        model's status.
        """
        try:
            check = health_pb2_grpc.HealthStub(self._channel).Check
            response = self._call(check, health_pb2.HealthCheckRequest(), timeout, wait=False)
            return response.status == health_pb2.HealthCheckResponse.SERVING
        except RequestError as error:
            if error.code != grpc.StatusCode.UNIMPLEMENTED:
                return False
        try:
            return any(version["state"] == "AVAILABLE" for version in self.status(timeout=timeout))
        except RequestError:
            return False

    def close(self) -> None:
        """Closes the connection and cancels calls in progress."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _call(self, method: Any, request: Any, timeout: float | None, wait: bool = True) -> Any:
        timeout = self.timeout if timeout is None else client_messages.checked_timeout(timeout)
        try:
            # The first call waits for a server that is starting; later calls fail at once if it has gone away.
            response = method(
                request, timeout=timeout, metadata=self._metadata, wait_for_ready=wait and not self._reached
            )
        except ValueError as error:  # how gRPC reports a closed channel
            raise ServingError(f"{self.address}: {error}; make another Client") from error
        except grpc.RpcError as error:
            failure = self._messages.error(error, timeout)
            self._reached = self._reached or client_messages.came_from_server(failure)
            raise failure from error
        self._reached = True
        return response
