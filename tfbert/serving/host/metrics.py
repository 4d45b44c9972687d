"""The server's metrics in Prometheus' format."""

import prometheus_client
from prometheus_client import core as prometheus_core

from tfbert.serving.host.request_log import CODE_NAMES

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counts requests and batches of one server; `render` gives them as text. Models are the served ones' names.

    >>> metrics = Metrics()
    >>> metrics.request("Predict", "mine", "grpc", 0, 0.012)
    >>> metrics.render()
    b'# HELP tfbert_serving_requests_total Requests that were answered, by code\\n...'
    """

    CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

    def __init__(self):
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
            "tfbert_serving_requests_in_flight", "Predictions under way, those that wait included", registry=registry
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

    def request(self, method, model, protocol, code, seconds):
        """Counts an answered request; `code`: gRPC's number."""
        self._requests.labels(method, model, protocol, CODE_NAMES.get(code, "UNKNOWN")).inc()
        self._seconds.labels(method, model).observe(seconds)

    def batch(self, requests, rows, waited):
        """Counts a batch: its requests, its rows, the seconds that its first request waited."""
        self._batch_requests.observe(requests)
        self._batch_rows.observe(rows)
        self._waited.observe(waited)

    def watch(self, models):
        """Also shows the versions of a `ModelManager` and what waits for them, as they are when asked."""
        self._registry.register(_Versions(models))

    def render(self):
        """All metrics as Prometheus reads them."""
        return prometheus_client.generate_latest(self._registry)


class _Versions:
    def __init__(self, models):
        self._models = models

    def collect(self):
        available = prometheus_core.GaugeMetricFamily(
            "tfbert_serving_version_available", "1 for each version that answers", labels=("model", "version")
        )
        waiting = prometheus_core.GaugeMetricFamily(
            "tfbert_serving_rows_waiting", "Rows that no thread has begun", labels=("model", "version")
        )
        for served in self._models.available():
            labels = (served.model, str(served.version))
            available.add_metric(labels, 1)
            batcher = served.batcher
            waiting.add_metric(labels, batcher.waiting_rows if batcher else 0)
        return [available, waiting]
