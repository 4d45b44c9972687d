"""The embedded server: TF Serving's gRPC services for one model folder, on one machine."""

import concurrent.futures
import contextlib
import errno
import os
import socket
import threading
import time

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tfbert.errors import ServingError
from tfbert.serving.prediction_service import PredictionService
from tfbert.serving.servable import Servable, find_version

# Threads beyond the workers: predictions wait in them, and health and status are answered by them.
_WAITING_THREADS = 64
# "" is the server as a whole; the others are the names that TF Serving reports.
_HEALTH_SERVICES = ("", "ModelService", "PredictionService")


class Server:
    """Serves the newest version of a model folder over gRPC, for development and for one machine.

    In production run TF Serving on the same folder: it answers the same calls and adds batching of requests,
    new versions without a restart, TLS and metrics.

    `model_dir`: a base folder with numbered version folders, or one version folder; `model_name`: the base
    folder's name unless given; `port`: 0 takes a free one; `workers`: predictions computed at once, one a CPU
    unless given; `max_message_bytes`: the largest request. Raises `ServingError` for a folder that cannot be
    served and an address that cannot be bound.

    >>> with Server("served/mine", port=0) as server:
    ...     tfbert.serving.Client(f"127.0.0.1:{server.port}", model="mine").predict(["a text"])
    """

    def __init__(
        self,
        model_dir,
        *,
        model_name=None,
        host="127.0.0.1",
        port=8500,
        workers=None,
        max_message_bytes=64 * 2**20,
    ):
        if workers is not None and workers < 1:
            raise ServingError(f"workers={workers}: at least one is needed")
        if not 0 <= port < 2**16:
            raise ServingError(f"port {port} is none; give 1 to 65535, or 0 for a free one")
        name, self.version, self.folder = find_version(model_dir)
        self.model_name = model_name or name
        self.host, self.port = host, port
        self.workers = workers or os.cpu_count() or 1
        self.max_message_bytes = max_message_bytes
        self.service = None
        self._grpc_server = self._threads = None
        self._health = health.HealthServicer()
        self._stopping = threading.Lock()
        self._stopped = threading.Event()

    @property
    def address(self):
        """`host:port`, with the port that was taken."""
        return _join(self.host, self.port)

    def start(self):
        """Loads and warms up the model, binds the address and serves; returns the server itself."""
        if self.service is not None or self._stopped.is_set():
            raise ServingError("this server was started before; make another one")
        try:
            self._check_address()  # a taken port is told before a model is loaded
            servable = Servable(self.folder, name=self.model_name, version=self.version)
            servable.warm_up()
            self._bind()  # only now: gRPC frees a port only of a server that was started
            self.service = PredictionService(servable, workers=self.workers)
            prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(self.service, self._grpc_server)
            model_service_pb2_grpc.add_ModelServiceServicer_to_server(self.service, self._grpc_server)
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc_server)
            for name in _HEALTH_SERVICES:
                self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
            self._grpc_server.start()
        except BaseException:  # also ^C while loading
            self.stop(grace=0)
            raise
        return self

    def _check_address(self):
        if reason := _bind_error(self.host, self.port):
            raise ServingError(
                f"cannot listen on {self.address}: {reason}; "
                f"stop what listens there, or give another port (0 takes a free one) or host"
            )

    def _bind(self):
        self._threads = concurrent.futures.ThreadPoolExecutor(self.workers + _WAITING_THREADS, "tfbert-grpc")
        self._grpc_server = grpc.server(
            self._threads,
            options=[
                ("grpc.so_reuseport", 0),  # else a second server shares the port and takes half of the calls
                ("grpc.max_receive_message_length", self.max_message_bytes),
                ("grpc.max_send_message_length", -1),
            ],
        )
        try:
            port = self._grpc_server.add_insecure_port(self.address)
        except RuntimeError:
            port = 0
        if not port:
            self._check_address()
            raise ServingError(f"cannot listen on {self.address}: gRPC refuses it; give another host or port")
        self.port = port

    def stop(self, grace=5.0):
        """Reports NOT_SERVING, refuses new predictions (UNAVAILABLE), finishes those begun, then closes.

        What is not done after `grace` seconds is cancelled. Stopping twice does no harm.
        """
        with self._stopping:
            if self._stopped.is_set():
                return
            deadline = time.monotonic() + grace
            self._health.enter_graceful_shutdown()
            if self.service is not None:
                self.service.drain(grace)
            if self._grpc_server is not None:
                # The last answers are still being sent, and a health watcher never hangs up.
                remaining = min(max(deadline - time.monotonic(), 0), 0.5)
                self._grpc_server.stop(remaining).wait()
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
            self._stopped.set()

    def wait(self, timeout=None):
        """Blocks until `stop` was called, or for `timeout` seconds; returns whether it has stopped."""
        return self._stopped.wait(timeout)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()


def _join(host, port):
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _bind_error(host, port):
    """Why an address cannot be bound, or None; gRPC does not say, the operating system does."""
    errors = []
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError as error:
        return error.strerror or str(error)
    for family, kind, protocol, _, address in found:
        try:
            with contextlib.closing(socket.socket(family, kind, protocol)) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen()
        except OSError as error:
            errors.append(error)
    # "localhost" may be ::1 on a machine without IPv6: one address that can be bound is enough for gRPC.
    if len(errors) == len(found) or any(error.errno == errno.EADDRINUSE for error in errors):
        return errors[0].strerror or str(errors[0])
    return None
