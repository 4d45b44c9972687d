"""Clients of servers of sentence vectors: TF Serving's gRPC and REST, and a plain JSON API.

Each has `prepared(text)`, a request; and `session(port)`, a context in which `await ask(request)` gives a vector.
"""

import contextlib
import importlib.util
import json
import sys
import types

MODEL = "bench"


class JsonClient:
    """POST /embed {"text": …} -> {"embedding": […]}."""

    def prepared(self, text):
        return "/embed", json.dumps({"text": text}).encode()

    def vector(self, answer):
        return json.loads(answer)["embedding"]

    @contextlib.asynccontextmanager
    async def session(self, port):
        import aiohttp

        headers = {"content-type": "application/json"}
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector, headers=headers) as session:

            async def ask(request):
                path, body = request
                async with session.post(path, data=body) as answer:
                    answer.raise_for_status()
                    return self.vector(await answer.read())

            yield ask


class RestClient(JsonClient):
    """TF Serving's REST API."""

    def prepared(self, text):
        return f"/v1/models/{MODEL}:predict", json.dumps({"instances": [{"text": text}]}).encode()

    def vector(self, answer):
        (row,) = json.loads(answer)["predictions"]
        return row["embedding"] if isinstance(row, dict) else row


class GrpcClient:
    """TF Serving's gRPC API."""

    def __init__(self):
        if "tensorflow" not in sys.modules:  # its messages alone, which need nothing of it: a client takes no gigabyte
            package = types.ModuleType("tensorflow")
            package.__path__ = list(importlib.util.find_spec("tensorflow").submodule_search_locations)
            sys.modules["tensorflow"] = package
        from tensorflow_serving.apis import predict_pb2

        self._messages = predict_pb2

    def prepared(self, text):
        request = self._messages.PredictRequest(model_spec={"name": MODEL})
        tensor = request.inputs["text"]
        tensor.dtype = 7  # DT_STRING
        tensor.tensor_shape.dim.add(size=1)
        tensor.string_val.append(text.encode())
        return request.SerializeToString()

    @contextlib.asynccontextmanager
    async def session(self, port):
        import grpc
        import numpy as np

        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            call = channel.unary_unary(
                "/tensorflow.serving.PredictionService/Predict",
                response_deserializer=self._messages.PredictResponse.FromString,
            )

            async def ask(request):
                output = (await call(request, timeout=60)).outputs["embedding"]
                return output.float_val or np.frombuffer(output.tensor_content, np.float32)

            yield ask


CLIENTS = {"json": JsonClient, "rest": RestClient, "grpc": GrpcClient}
