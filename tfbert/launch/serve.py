"""Serves model folders over gRPC and REST on this machine, with TF Serving's API; ^C stops it:

tfbert serve --model=served/mine --grpc_port=8500 --rest_port=8501

A new version folder is loaded while the server runs, and replaces the old version. This is the development server; in
production run TF Serving on the same folder (export/serving/). --engine=litert and --engine=onnx answer from these
files of an export, with the same API and without TensorFlow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import app, flags

from tfbert.errors import ConfigError, ServingError
from tfbert.serving.models.batching_parameters import BatchingParameters, default_workers
from tfbert.serving.models.engine import ENGINES

if TYPE_CHECKING:
    from tfbert.serving.host.tls import Tls
    from tfbert.serving.models.versions import ModelSettings

_MODEL = flags.DEFINE_string("model", None, "Folder of one model, with a numbered folder for each version.")
_MODEL_NAME = flags.DEFINE_string(
    "model_name", None, "Name that clients ask for. Default: the name of the model's folder."
)
_MODEL_CONFIG_FILE = flags.DEFINE_string(
    "model_config_file", None, "TF Serving's models.config, for several models; replaces --model."
)
_VERSION_LABELS = flags.DEFINE_list("version_labels", [], "Names for versions of --model, such as stable=3,canary=4.")
_GRPC_PORT = flags.DEFINE_integer("grpc_port", 8500, "Port of gRPC; 0 takes a free one.", 0, 65535)
_REST_PORT = flags.DEFINE_integer(
    "rest_port", None, "Port of REST and the metrics; 0 takes a free one. Default: no REST.", 0, 65535
)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0: all addresses of this machine.")
_WORKERS = flags.DEFINE_integer(
    "workers", None, "Batches that run at once and share the CPUs. Default: one per CPU; another engine: one less.", 1
)
_ENGINE = flags.DEFINE_enum(
    "engine",
    ENGINES[0],
    ENGINES,
    "What answers: the SavedModel, or the export's LiteRT or ONNX file, without TensorFlow.",
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    None,
    ["int8", "float32", "float16"],
    "Of the file of --engine=litert or onnx. Default: int8, or what the export has.",
)
_BATCHING = flags.DEFINE_bool("batching", True, "Join requests that wait at the same time into one batch.")
_DEFAULTS = BatchingParameters()
_MAX_BATCH_SIZE = flags.DEFINE_integer(
    "max_batch_size",
    _DEFAULTS.max_batch_size,
    "Texts in a batch. A version's batching_params.pbtxt overrides this, the timeout and the queue.",
    1,
)
_BATCH_TIMEOUT_MICROS = flags.DEFINE_integer(
    "batch_timeout_micros",
    _DEFAULTS.batch_timeout_micros,
    "How long a request waits for a batch to fill up while a worker is free.",
    0,
)
_MAX_ENQUEUED_BATCHES = flags.DEFINE_integer(
    "max_enqueued_batches", _DEFAULTS.max_enqueued_batches, "Full batches that may wait; more requests are refused.", 1
)
_POLL_SECONDS = flags.DEFINE_float("poll_seconds", 1.0, "How often to look for new versions; 0: never.", 0)
_MAX_MESSAGE_BYTES = flags.DEFINE_integer("max_message_bytes", 64 * 2**20, "Size of the largest request.", 1)
_MAX_CONCURRENT = flags.DEFINE_integer("max_concurrent", 1000, "Requests in progress; more are refused.", 1)
_MAX_ROWS = flags.DEFINE_integer(
    "max_rows", 4096, "Texts, examples or rows of ids in one request; a request with more is refused.", 1
)
_RECEIVE_SECONDS = flags.DEFINE_float(
    "receive_seconds",
    30.0,
    "How long a TLS handshake, a request's headers and its body may take each, and how long a REST connection may be "
    "without a request.",
    0.01,
)
_MAX_CONNECTIONS = flags.DEFINE_integer(
    "max_connections",
    None,
    "Open connections of gRPC, and as many of REST. Default: what `ulimit -n` leaves, at most 10000.",
    1,
)
_CONNECTION_IDLE_SECONDS = flags.DEFINE_float(
    "connection_idle_seconds", 300.0, "How long a gRPC connection may be without a call; 0: for ever.", 0
)
_CONNECTION_AGE_SECONDS = flags.DEFINE_float(
    "connection_age_seconds",
    3600.0,
    "When a client must open a new connection, which gRPC and HTTP do without losing a call; 0: never.",
    0,
)
_MAX_BYTES_IN_FLIGHT = flags.DEFINE_integer(
    "max_bytes_in_flight",
    2**30,
    "Bytes of messages, inputs and outputs of all requests in progress; a request that needs more is refused.",
    1,
)
_REST_TIMEOUT_SECONDS = flags.DEFINE_float(
    "rest_timeout_seconds",
    30.0,
    "How long a REST prediction may take once its body has arrived, before it gets 504; 0: any time.",
    0,
)
_TLS_CERTIFICATE = flags.DEFINE_string(
    "tls_certificate", None, "PEM file with the server's certificate; turns on TLS, with --tls_key."
)
_TLS_KEY = flags.DEFINE_string("tls_key", None, "PEM file with the certificate's key.")
_TLS_CLIENT_AUTHORITY = flags.DEFINE_string(
    "tls_client_authority", None, "PEM file; only clients with a certificate from this authority are served."
)
_API_KEY_FILE = flags.DEFINE_string(
    "api_key_file",
    None,
    "File with API keys, one a line; only clients that send `authorization: Bearer KEY` are answered, in gRPC's "
    "metadata or as an HTTP header. gRPC's health checks need no key. Without TLS, the network can read the keys.",
)
_RELOAD_CONFIG = flags.DEFINE_bool(
    "reload_config",
    None,
    "Answer HandleReloadConfigRequest, with which a client makes the server load other folders. Default: only where "
    "--host is a loopback address, or --tls_client_authority asks clients for certificates.",
)
_TENSORFLOW_LOG = "2"
_LOG_REQUESTS = flags.DEFINE_bool(
    "log_requests", False, "Write one JSON line to stderr for each request, without its texts."
)


def main(argv: list[str]) -> None:
    """Serves until ^C or SIGTERM; absl calls it with the arguments that are no flags."""
    if len(argv) > 1:
        raise app.UsageError(f"unknown argument {argv[1]!r}; every setting is a flag")
    # SIGTERM acts like ^C: both end the wait below, even while a model is loading.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a job that a shell has started with `&`
    try:
        with _installed():
            _log_as_json()
            models, labels, tls = _models(), _labels(), _tls()
            from tfbert.serving.host.rest import METRICS_PATH
            from tfbert.serving.host.server import Server
        if _ENGINE.value != ENGINES[0]:
            from tfbert.text.lite_kernels import never_import_tensorflow

            never_import_tensorflow()
        with Server(
            models,
            model_name=_MODEL_NAME.value,
            host=_HOST.value,
            port=_GRPC_PORT.value,
            rest_port=_REST_PORT.value,
            batching=_BATCHING.value and _batching_parameters(),
            workers=_WORKERS.value,
            engine=_ENGINE.value,
            precision=_PRECISION.value,
            labels=labels,
            poll_seconds=_POLL_SECONDS.value,
            max_message_bytes=_MAX_MESSAGE_BYTES.value,
            max_concurrent=_MAX_CONCURRENT.value,
            max_rows=_MAX_ROWS.value,
            receive_seconds=_RECEIVE_SECONDS.value,
            max_connections=_MAX_CONNECTIONS.value,
            connection_idle_seconds=_CONNECTION_IDLE_SECONDS.value,
            connection_age_seconds=_CONNECTION_AGE_SECONDS.value,
            max_bytes_in_flight=_MAX_BYTES_IN_FLIGHT.value,
            rest_timeout_seconds=_REST_TIMEOUT_SECONDS.value,
            tls=tls,
            api_key_file=_API_KEY_FILE.value,
            reload_config=_RELOAD_CONFIG.value,
        ) as server:
            served = ", ".join(f"{model} version {version}" for model, version in server.served)
            print(f"serving {served} on {server.address} (^C stops it)", flush=True)
            if server.rest_url:
                print(f"REST on {server.rest_url}, metrics on {METRICS_PATH}", flush=True)
            state, other = ("on", "--noreload_config") if server.reload_config else ("off", "--reload_config")
            print(f"HandleReloadConfigRequest is {state}; {other} changes that", flush=True)
            if _ENGINE.value == ENGINES[0]:
                print("this is the development server; for production run TF Serving on the same folder", flush=True)
            server.wait()
    except KeyboardInterrupt:
        pass


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    """Turns a missing library into an error that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(f"serve needs {error.name}, which is not installed: pip install 'tfbert[serving]'") from None


def _models() -> str | list[ModelSettings]:
    if (_MODEL.value is None) == (_MODEL_CONFIG_FILE.value is None):
        raise app.UsageError("give --model or --model_config_file")
    if _MODEL.value is not None:
        return _MODEL.value
    if _MODEL_NAME.value or _VERSION_LABELS.value:
        raise app.UsageError("with --model_config_file, write names and labels into the file")
    from tfbert.serving.models.versions import read_model_config

    return read_model_config(_MODEL_CONFIG_FILE.value)


def _batching_parameters() -> BatchingParameters:
    return dataclasses.replace(
        _DEFAULTS,
        max_batch_size=_MAX_BATCH_SIZE.value,
        batch_timeout_micros=_BATCH_TIMEOUT_MICROS.value,
        max_enqueued_batches=_MAX_ENQUEUED_BATCHES.value,
        num_batch_threads=_WORKERS.value or default_workers(tensorflow=_ENGINE.value == ENGINES[0]),
    )


def _labels() -> list[tuple[str, int]]:
    pairs = [item.partition("=") for item in _VERSION_LABELS.value]
    for label, _, version in pairs:
        if not label or not version.isdecimal():
            raise ServingError(f"--version_labels={','.join(_VERSION_LABELS.value)}: write it as stable=3,canary=4")
    return [(label, int(version)) for label, _, version in pairs]


def _tls() -> Tls | None:
    if (_TLS_CERTIFICATE.value is None) != (_TLS_KEY.value is None) or (
        _TLS_CLIENT_AUTHORITY.value and not _TLS_KEY.value
    ):
        raise app.UsageError("TLS needs --tls_certificate and --tls_key")
    if _TLS_KEY.value is None:
        return None
    from tfbert.serving.host.tls import Tls

    return Tls(_TLS_CERTIFICATE.value, _TLS_KEY.value, _TLS_CLIENT_AUTHORITY.value)


def _log_as_json() -> None:
    # Read when the libraries are loaded. TensorFlow's warnings quote the tensors of a request that fails; gRPC's C code
    # writes a line for each failed TLS handshake.
    level = os.environ.get("TF_CPP_MIN_LOG_LEVEL") or "0"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = max(level, _TENSORFLOW_LOG)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # oneDNN then packs the weights once. A model whose requests change its weights would need 0.
    os.environ.setdefault("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "1")
    from tfbert.serving.host.faults import FaultLimit
    from tfbert.serving.host.request_log import FOREIGN, JsonFormatter

    handler, foreign = logging.StreamHandler(), logging.StreamHandler()
    foreign.addFilter(FaultLimit())  # the server limits its own records itself
    for each in (handler, foreign):
        each.setFormatter(JsonFormatter())
    log = logging.getLogger("tfbert.serving")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    for name in FOREIGN:
        logging.getLogger(name).addHandler(foreign)
        logging.getLogger(name).propagate = False
    if level < _TENSORFLOW_LOG:
        log.warning("TF_CPP_MIN_LOG_LEVEL is %s, as TensorFlow's warnings may hold texts of requests", _TENSORFLOW_LOG)
    log.getChild("requests").setLevel(logging.INFO if _LOG_REQUESTS.value else logging.WARNING)
