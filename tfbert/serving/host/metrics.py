"""The server's metrics in Prometheus' format."""

from __future__ import annotations

from collections.abc import Iterator

import prometheus_client
from prometheus_client import core as prometheus_core

from tfbert.serving.models.manager import ModelManager
from tfbert.serving.protocol.status_codes import grpc_code

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counts the requests and batches of one server. Its `model` labels are names of served models only.

    >>> metrics = Metrics()
    >>> metrics.request("Predict", "mine", "grpc", 0, 0.012)
    >>> b'tfbert_serving_request_seconds_count{method="Predict",model="mine"} 1.0' in metrics.render()
    True
    """

    CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=registry)
        self._requests = prometheus_client.Counter(
            "tfbert_serving_requests_total",
            "Requests that were answered, by code",
            ("method", "model", "protocol", "code"),
            registry=registry,
        )
        self._seconds = prometheus_client.Histogram(
            "tfbert_serving_request_seconds",
            "From a request's arrival to its answer",
            ("method", "model"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = prometheus_client.Gauge(
            "tfbert_serving_requests_in_flight", "Predictions in progress, including those that wait", registry=registry
        )
        self._batch_rows = prometheus_client.Histogram(
            "tfbert_serving_batch_rows", "Rows of a computed batch", buckets=_ROWS, registry=registry
        )
        self._batch_requests = prometheus_client.Histogram(
            "tfbert_serving_batch_requests", "Requests of a computed batch", buckets=_ROWS, registry=registry
        )
        self._waited = prometheus_client.Histogram(
            "tfbert_serving_queue_seconds",
            "How long the first request of a batch waited",
            buckets=_SECONDS,
            registry=registry,
        )

    def request(self, method: str, model: str, protocol: str, code: int, seconds: float) -> None:
        """Counts an answered request; `code` is gRPC's number."""
        self._requests.labels(method, model, protocol, grpc_code(code).name).inc()
        self._seconds.labels(method, model).observe(seconds)

    def batch(self, requests: int, rows: int, waited: float) -> None:
        """Counts a batch; `waited`: seconds that its first request waited."""
        self._batch_requests.observe(requests)
        self._batch_rows.observe(rows)
        self._waited.observe(waited)

    def watch(self, models: ModelManager) -> None:
        """Adds the available versions and their queues, read at each `render`."""
        self._registry.register(_Versions(models))

    def render(self) -> bytes:
        """All metrics as Prometheus reads them."""
        return prometheus_client.generate_latest(self._registry)


class _Versions:
    def __init__(self, models: ModelManager) -> None:
        self._models = models

    def collect(self) -> Iterator[prometheus_core.Metric]:
        available = prometheus_core.GaugeMetricFamily(
            "tfbert_serving_version_available", "1 for each version that answers requests", labels=("model", "version")
        )
        waiting = prometheus_core.GaugeMetricFamily(
            "tfbert_serving_rows_waiting", "Rows that wait for a thread", labels=("model", "version")
        )
        for served in self._models.available():
            labels = (served.model, str(served.version))
            available.add_metric(labels, 1)
            batcher = served.batcher
            waiting.add_metric(labels, batcher.waiting_rows if batcher else 0)
        yield from (available, waiting)
