"""What both clients hold: a channel to a server, its services, and the messages for one model."""

from __future__ import annotations

from typing import Any, ClassVar

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tfbert.serving.client import messages as client_messages


class Connection:
    """Base of `Client` and `AsyncClient`, which differ in how they call: `_grpc` is grpc or grpc.aio."""

    _grpc: ClassVar[Any] = grpc

    def __init__(
        self,
        address: str,
        *,
        model: str,
        timeout: float = 5.0,
        version: int | None = None,
        version_label: str | None = None,
        root_certificates: bytes | None = None,
        certificate: bytes | None = None,
        key: bytes | None = None,
        api_key: str | None = None,
    ) -> None:
        self.address, self.model, self.version = address, model, version
        self.timeout = client_messages.checked_timeout(timeout)
        self._messages = client_messages.Messages(address, model, version=version, version_label=version_label)
        self._metadata = client_messages.key_metadata(api_key)
        self._reached = False  # whether the server has ever answered
        if root_certificates is None:
            self._channel = self._grpc.insecure_channel(address, client_messages.CHANNEL_OPTIONS)
        else:
            credentials = grpc.ssl_channel_credentials(root_certificates, key, certificate)
            self._channel = self._grpc.secure_channel(address, credentials, client_messages.CHANNEL_OPTIONS)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model_service = model_service_pb2_grpc.ModelServiceStub(self._channel)
