"""The client for asyncio: many requests at once from one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import numpy as np

from tfbert.errors import ServingError
from tfbert.serving.client import messages as client_messages
from tfbert.serving.client.connection import Connection
from tfbert.serving.client.messages import Texts


class AsyncClient(Connection):
    """Like `Client`, with the same arguments, results and errors; its methods are awaited, in one event loop.

    >>> async with AsyncClient("localhost:8500", model="mine") as client:  # doctest: +SKIP
    ...     await asyncio.gather(*(client.predict([text]) for text in texts))
    [[{'label': 'positive', 'logits': [-2.5, 2.75], 'probabilities': [0.005, 0.995]}], …]
    """

    _grpc = grpc.aio

    async def predict(
        self,
        text: Texts | Mapping[str, Texts],
        text_pair: Texts | None = None,
        *,
        timeout: float | None = None,
        signature_name: str = "serving_default",
    ) -> list[dict[str, Any]]:
        """One dict per text; see `Client.predict`."""
        request, size = self._messages.texts_request(text, text_pair, signature_name)
        return client_messages.rows(await self._call(self._prediction.Predict, request, timeout), size) if size else []

    async def predict_arrays(
        self,
        inputs: Mapping[str, Texts | np.ndarray],
        *,
        timeout: float | None = None,
        signature_name: str = "serving_default",
        output_filter: Sequence[str] = (),
    ) -> dict[str, np.ndarray]:
        """The outputs of any signature as numpy arrays; see `Client.predict_arrays`."""
        request = self._messages.arrays_request(inputs, signature_name, output_filter)
        return client_messages.arrays(await self._call(self._prediction.Predict, request, timeout))

    async def metadata(self, *, timeout: float | None = None) -> dict[str, Any]:
        """The served version and its signatures; see `Client.metadata`."""
        request = self._messages.metadata_request()
        return client_messages.metadata(await self._call(self._prediction.GetModelMetadata, request, timeout))

    async def status(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """The versions that the server knows; see `Client.status`."""
        request = self._messages.status_request()
        return client_messages.status(await self._call(self._model_service.GetModelStatus, request, timeout))

    async def close(self) -> None:
        """Closes the connection and cancels calls in progress."""
        await self._channel.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def _call(self, method: Any, request: Any, timeout: float | None) -> Any:
        timeout = self.timeout if timeout is None else client_messages.checked_timeout(timeout)
        try:
            response = await method(request, timeout=timeout, metadata=self._metadata, wait_for_ready=not self._reached)
        except grpc.aio.UsageError as error:
            raise ServingError(f"{self.address}: {error}; make another AsyncClient") from error
        except grpc.aio.AioRpcError as error:
            failure = self._messages.error(error, timeout)
            self._reached = self._reached or client_messages.came_from_server(failure)
            raise failure from error
        self._reached = True
        return response
