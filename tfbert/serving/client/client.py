"""A gRPC client for the embedded server and for TF Serving; every call has a deadline."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.client import messages as client_messages
from tfbert.serving.client.connection import Connection
from tfbert.serving.client.messages import RequestError


class Client(Connection):
    """Asks a served model for predictions; may be shared between threads.

    `address`: host:port; `model`: the served name; `timeout`: seconds for a call, connecting included (there
    is no call without one); `version`: a version number, or `version_label`: a version's label, the newest unless
    given; `root_certificates`: PEM bytes, for a server behind TLS; `certificate` and `key`: PEM bytes, for a server
    that asks for them. Calls raise `RequestError`; a wrong argument is a `ServingError`.

    >>> with Client("localhost:8500", model="mine") as client:
    ...     client.predict(["a film to treasure"])
    [{'label': 'positive', 'logits': [-2.5, 2.75], 'probabilities': [0.005, 0.995]}]
    """

    _grpc = grpc

    def predict(self, text, text_pair=None, *, timeout=None, signature_name="serving_default"):
        """One dict per text, with each output's value for it: str, float, or lists of them.

        `text`, `text_pair`: lists of str or bytes, equally long; or `text` is a dict from input names to
        lists, for a signature with other inputs.
        """
        request, size = self._messages.texts_request(text, text_pair, signature_name)
        return client_messages.rows(self._call(self._prediction.Predict, request, timeout), size) if size else []

    def predict_arrays(self, inputs, *, timeout=None, signature_name="serving_default", output_filter=()):
        """The outputs by name as numpy arrays (strings: bytes objects), for any signature.

        `inputs`: a dict from input names to lists of str or bytes or to arrays; `output_filter`: the outputs
        wanted, all unless given.
        """
        request = self._messages.arrays_request(inputs, signature_name, output_filter)
        return client_messages.arrays(self._call(self._prediction.Predict, request, timeout))

    def metadata(self, *, timeout=None):
        """The served version and its signatures: each input and output as `(dtype, shape)`, -1: any size."""
        request = self._messages.metadata_request()
        return client_messages.metadata(self._call(self._prediction.GetModelMetadata, request, timeout))

    def status(self, *, timeout=None):
        """The versions that the server knows: `[{"version": 1, "state": "AVAILABLE", "error": ""}]`."""
        request = self._messages.status_request()
        return client_messages.status(self._call(self._model_service.GetModelStatus, request, timeout))

    def healthy(self, *, timeout=None):
        """Whether the server says that it serves; False, not an error, if it cannot be reached.

        TF Serving has the health service only with --enable_grpc_healthcheck_service; without it the model's
        status is asked for.
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

    def close(self):
        """Closes the connection; calls under way are cancelled."""
        self._channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _call(self, method, request, timeout, wait=True):
        timeout = self.timeout if timeout is None else client_messages.checked_timeout(timeout)
        try:
            # A server that is just starting is waited for; one that was there and went away is told at once.
            response = method(request, timeout=timeout, wait_for_ready=wait and not self._reached)
        except ValueError as error:  # gRPC's words for a closed channel
            raise ServingError(f"{self.address}: {error}; make another Client") from error
        except grpc.RpcError as error:
            told = self._messages.error(error, timeout)
            self._reached = self._reached or client_messages.came_from_server(told)
            raise told from error
        self._reached = True
        return response
