"""The client for asyncio: many requests under way from one thread."""

import grpc

from tfbert.errors import ServingError
from tfbert.serving.client import messages as client_messages
from tfbert.serving.client.connection import Connection


class AsyncClient(Connection):
    """As `Client`, with the same arguments, answers and errors; its methods are awaited in one event loop.

    >>> async with AsyncClient("localhost:8500", model="mine") as client:
    ...     await asyncio.gather(*(client.predict([text]) for text in texts))
    [[{'label': 'positive', 'logits': [-2.5, 2.75], 'probabilities': [0.005, 0.995]}], …]
    """

    _grpc = grpc.aio

    async def predict(self, text, text_pair=None, *, timeout=None, signature_name="serving_default"):
        """One dict per text, as `Client.predict`."""
        request, size = self._messages.texts_request(text, text_pair, signature_name)
        return client_messages.rows(await self._call(self._prediction.Predict, request, timeout), size) if size else []

    async def predict_arrays(self, inputs, *, timeout=None, signature_name="serving_default", output_filter=()):
        """The outputs by name as numpy arrays, as `Client.predict_arrays`."""
        request = self._messages.arrays_request(inputs, signature_name, output_filter)
        return client_messages.arrays(await self._call(self._prediction.Predict, request, timeout))

    async def metadata(self, *, timeout=None):
        """The served version and its signatures, as `Client.metadata`."""
        request = self._messages.metadata_request()
        return client_messages.metadata(await self._call(self._prediction.GetModelMetadata, request, timeout))

    async def status(self, *, timeout=None):
        """The versions that the server knows, as `Client.status`."""
        request = self._messages.status_request()
        return client_messages.status(await self._call(self._model_service.GetModelStatus, request, timeout))

    async def close(self):
        """Closes the connection; calls under way are cancelled."""
        await self._channel.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        await self.close()

    async def _call(self, method, request, timeout):
        timeout = self.timeout if timeout is None else client_messages.checked_timeout(timeout)
        try:
            response = await method(request, timeout=timeout, wait_for_ready=not self._reached)
        except grpc.aio.UsageError as error:
            raise ServingError(f"{self.address}: {error}; make another AsyncClient") from error
        except grpc.aio.AioRpcError as error:
            told = self._messages.error(error, timeout)
            self._reached = self._reached or client_messages.came_from_server(told)
            raise told from error
        self._reached = True
        return response
