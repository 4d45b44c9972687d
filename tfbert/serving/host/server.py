"""The embedded server: TF Serving's gRPC and REST APIs for model folders, on one machine."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from typing import Literal

from grpc_health.v1 import health_pb2

from tfbert.errors import ServingError
from tfbert.serving.host import event_loop
from tfbert.serving.host.addresses import check_address, is_loopback, join
from tfbert.serving.host.api_keys import ApiKeys
from tfbert.serving.host.connections import ConnectionLimits, allowed_connections, watch_descriptors
from tfbert.serving.host.core import ServerCore
from tfbert.serving.host.faults import limit_own_logs, warn_of_clear_keys, warn_of_tensorflow
from tfbert.serving.host.grpc_server import make_grpc_server
from tfbert.serving.host.metrics import Metrics
from tfbert.serving.host.rest import RestApi
from tfbert.serving.host.rest_connections import RestConnections
from tfbert.serving.host.rest_server import RestServer
from tfbert.serving.host.tls import Tls
from tfbert.serving.models.batching_parameters import BatchingParameters, default_workers
from tfbert.serving.models.engine import EngineChoice
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.models.versions import ModelSettings, find_model

# How long sending the last responses may take, once all of them are computed.
_SENDING_SECONDS = 0.5
# "" is the server as a whole; the other names are those that TF Serving reports.
_HEALTH_SERVICES = ("", "ModelService", "PredictionService")


class Server:
    """Serves model folders over gRPC and REST, for development and for one machine.

    In production run TF Serving on the same folders: it answers the same calls. TensorFlow's own warnings may quote
    texts: set TF_CPP_MIN_LOG_LEVEL=2 before TensorFlow is imported, or `start` warns.

    Args:
        model_dir: a base folder with numbered version folders, or one version folder, or a list of `ModelSettings`.
        model_name: what clients ask for; the base folder's name unless given.
        host: the address to listen on.
        port: of gRPC; 0 takes a free one.
        rest_port: of REST and the metrics; None: neither.
        workers: batches that run at once, each in as many threads as there are CPUs for each; `default_workers` unless
            given.
        batching: for models whose folder has no batching parameters of its own; False: requests are never joined.
        labels: (label, version) pairs, names of versions.
        poll_seconds: how often to look for new versions; 0: never.
        max_message_bytes: of the largest request.
        max_concurrent: predictions in progress; more are refused.
        max_rows: texts, examples or rows of ids in one request; a request with more is refused.
        max_bytes_in_flight: of all requests' messages, inputs and outputs; more are refused.
        rest_timeout_seconds: how long a REST prediction may take once its body has arrived; 0: any time. gRPC's
            clients set deadlines of their own.
        receive_seconds: how long a request may take to arrive.
        max_connections: open connections of each protocol; unless given, as many as the limit of descriptors allows.
        connection_idle_seconds: how long a gRPC connection may be without a call; 0: for ever.
        connection_age_seconds: when a client must open a new connection, without losing a call; 0: never.
        tls: a certificate, for both protocols.
        reload_config: whether HandleReloadConfigRequest is answered, with which a client makes the server load other
            folders. Unless given: on a loopback address, or where `tls` asks clients for certificates.
        engine: what answers: "saved_model"; "litert" or "onnx" run a file of an export without TensorFlow.
        precision: of the file of LiteRT or ONNX; int8 unless given, or what there is.
        api_key_file: keys, one a line; only clients that send one of them are answered.

    Raises:
        ServingError: there is nothing to serve, or an argument is wrong; from `start`: a model cannot be loaded, or
            an address cannot be bound.

    >>> with Server("served/mine", port=0) as server, tfbert.serving.Client(server.address, model="mine") as client:
    ...     client.predict(["a film to treasure"])
    [{'label': '…', 'logits': […], 'probabilities': […]}]
    """

    def __init__(
        self,
        model_dir: str | os.PathLike | Sequence[ModelSettings],
        *,
        model_name: str | None = None,
        host: str = "127.0.0.1",
        port: int = 8500,
        rest_port: int | None = None,
        workers: int | None = None,
        batching: BatchingParameters | Literal[False] | None = None,
        labels: Sequence[tuple[str, int]] = (),
        poll_seconds: float = 1.0,
        max_message_bytes: int = 64 * 2**20,
        max_concurrent: int = 1000,
        max_rows: int = 4096,
        max_bytes_in_flight: int = 2**30,
        rest_timeout_seconds: float = 30.0,
        receive_seconds: float = 30.0,
        max_connections: int | None = None,
        connection_idle_seconds: float = 300.0,
        connection_age_seconds: float = 3600.0,
        tls: Tls | None = None,
        reload_config: bool | None = None,
        api_key_file: str | os.PathLike | None = None,
        engine: str = "saved_model",
        precision: str | None = None,
    ) -> None:
        counts = {"workers": workers, "max_rows": max_rows, "max_connections": max_connections}
        for name, count in {**counts, "max_bytes_in_flight": max_bytes_in_flight}.items():
            if count is not None and count < 1:
                raise ServingError(f"{name}={count}: at least one is needed")
        for each in (port, rest_port or 0):
            if not 0 <= each < 2**16:
                raise ServingError(f"port {each} does not exist; give 1 to 65535, or 0 for a free one")
        one = isinstance(model_dir, (str, os.PathLike))
        self.settings = [find_model(model_dir, model_name, labels)] if one else list(model_dir)
        self.host, self.port, self.rest_port = host, port, rest_port
        self.metrics = Metrics()
        self._engine = EngineChoice(engine, precision)
        workers = workers or default_workers(tensorflow=self._engine.needs_tensorflow)
        parameters = batching or BatchingParameters(num_batch_threads=workers)
        self.models = ModelManager(
            parameters,
            join=batching is not False,
            poll_seconds=poll_seconds,
            engine=self._engine,
            observe=self.metrics.batch,
        )
        self.metrics.watch(self.models)
        self._max_message_bytes, self._max_concurrent = max_message_bytes, max_concurrent
        self._receive_seconds, self._tls, self._max_rows = receive_seconds, tls, max_rows
        allowed = allowed_connections(max_connections, 1 if rest_port is None else 2)
        self._limits = ConnectionLimits(allowed, receive_seconds, connection_idle_seconds, connection_age_seconds)
        self._max_bytes_in_flight, self._rest_timeout_seconds = max_bytes_in_flight, rest_timeout_seconds
        self._keys = None if api_key_file is None else ApiKeys.read(api_key_file)
        asks_certificates = tls is not None and tls.client_authority is not None
        self.reload_config = asks_certificates or is_loopback(host) if reload_config is None else reload_config
        self._core = self._grpc_server = self._rest = self._health = self._watch = None
        self._stopping = threading.Lock()
        self._stopped = threading.Event()

    @property
    def address(self) -> str:
        """gRPC's `host:port`; after `start` with the port that was taken."""
        return join(self.host, self.port)

    @property
    def rest_url(self) -> str | None:
        """Where the REST API begins, such as `http://127.0.0.1:8501/v1/models`; None without REST."""
        if self.rest_port is None:
            return None
        return f"{'https' if self._tls else 'http'}://{join(self.host, self.rest_port)}/v1/models"

    @property
    def served(self) -> list[tuple[str, int]]:
        """The versions that answer requests, as (model, version), sorted."""
        return sorted((each.model, each.version) for each in self.models.available())

    def start(self) -> Server:
        """Loads and warms up the models, binds the addresses and serves; returns the server itself."""
        if self._core is not None or self._stopped.is_set():
            raise ServingError("this server was started before; make another one")
        limit_own_logs()
        if self._engine.needs_tensorflow:
            warn_of_tensorflow()
        if self._keys and not self._tls and not is_loopback(self.host):
            warn_of_clear_keys(self.host)
        try:
            # A taken port and a wrong certificate are found before models are loaded, which takes long.
            for port in (self.port, self.rest_port):
                if port is not None:
                    check_address(self.host, port)
            if self._tls:
                self._tls.ssl_context()
            self.models.reload(self.settings)
            event_loop.run(self._start())
        except BaseException:  # ^C while a model loads, too
            self.stop(grace=0)
            raise
        return self

    async def _start(self) -> None:
        self._core = ServerCore(
            self.models,
            metrics=self.metrics,
            max_concurrent=self._max_concurrent,
            max_rows=self._max_rows,
            max_bytes_in_flight=self._max_bytes_in_flight,
            reload_config=self.reload_config,
        )
        self._grpc_server, self._health = make_grpc_server(
            self._core,
            limits=self._limits,
            keys=self._keys,
            max_message_bytes=self._max_message_bytes,
            max_concurrent=self._max_concurrent,
        )
        self._bind_grpc()
        if self.rest_port is not None:
            await self._start_rest()
        for name in _HEALTH_SERVICES:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        await self._grpc_server.start()
        self._watch = asyncio.get_running_loop().create_task(watch_descriptors())

    def _bind_grpc(self) -> None:
        try:
            if self._tls:
                port = self._grpc_server.add_secure_port(self.address, self._tls.grpc_credentials())
            else:
                port = self._grpc_server.add_insecure_port(self.address)
        except RuntimeError:
            port = 0
        if not port:
            check_address(self.host, self.port)
            raise ServingError(f"cannot listen on {self.address}: gRPC refuses it; give another host or port")
        self.port = port

    async def _start_rest(self) -> None:
        connections = RestConnections(self._limits, tls=self._tls.ssl_context() if self._tls else None)
        api = RestApi(
            self._core,
            self.metrics,
            self.models,
            connections,
            max_body_bytes=self._max_message_bytes,
            receive_seconds=self._receive_seconds,
            timeout_seconds=self._rest_timeout_seconds,
            keys=self._keys,
        )
        self._rest = RestServer(api, connections)
        self.rest_port = await self._rest.start(self.host, self.rest_port, sending_seconds=_SENDING_SECONDS)

    def stop(self, grace: float = 5.0) -> None:
        """Reports NOT_SERVING, refuses new predictions (UNAVAILABLE), finishes those in progress, then closes.

        What is not done after `grace` seconds is cancelled; a version that is loading ends in its own thread later.
        A second call does nothing.
        """
        with self._stopping:
            if self._stopped.is_set():
                return
            deadline = time.monotonic() + grace
            event_loop.run(self._stop(grace))
            self.models.close(max(deadline - time.monotonic(), 0))
            self._stopped.set()

    async def _stop(self, grace: float) -> None:
        deadline = time.monotonic() + grace
        if self._health is not None:
            await self._health.enter_graceful_shutdown()
        if self._core is not None:
            await self._core.drain(grace)
        # Not longer, because a client that watches the health never hangs up.
        remaining = min(max(deadline - time.monotonic(), 0), _SENDING_SECONDS)
        if self._watch is not None:
            self._watch.cancel()
        stopping = [self._grpc_server.stop(remaining)] if self._grpc_server is not None else []
        await asyncio.gather(*stopping, *([self._rest.stop()] if self._rest is not None else []))

    def wait(self, timeout: float | None = None) -> bool:
        """Blocks until `stop` was called, or for `timeout` seconds; returns whether the server has stopped."""
        return self._stopped.wait(timeout)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()
