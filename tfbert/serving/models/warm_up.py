"""TF Serving's warm-up: a version runs the requests recorded in its folder before it serves."""

from __future__ import annotations

import concurrent.futures
import logging
from collections.abc import Callable

from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from tfbert.errors import DataError, ServingError
from tfbert.export.saved_model.file_names import MAX_WARM_UP_REQUESTS, WARM_UP
from tfbert.serving.models.engine import Engine
from tfbert.serving.models.record_file import records
from tfbert.serving.protocol import inference
from tfbert.serving.protocol.status_codes import StatusError

_KINDS = {
    "predict_log": inference.Predict,
    "classify_log": inference.Classify,
    "regress_log": inference.Regress,
    "multi_inference_log": inference.MultiInference,
}


def warm_up(servable: Engine, submit: Callable[..., concurrent.futures.Future]) -> int:
    """Runs the recorded requests one after another; returns how many, 0 without the file.

    The file is a TFRecord of `PredictionLog`. As in TF Serving, a request that fails keeps the version from serving.

    Args:
        submit: (signature name, inputs) -> a Future of the outputs, such as `Batcher.submit`.

    Raises:
        ServingError: a request failed, or the file cannot be read.

    >>> from tfbert.serving.models.servable import Servable

    >>> servable = Servable("served/mine/1")
    >>> with concurrent.futures.ThreadPoolExecutor(1) as pool:
    ...     warm_up(servable, lambda name, inputs: pool.submit(servable.run, name, inputs))
    2
    """
    file = servable.folder / WARM_UP
    if not file.exists():
        return 0
    if not file.is_file():
        raise ServingError(f"{file} is no file; export the model again")
    count = 0
    try:
        for record in records(file):
            log = prediction_log_pb2.PredictionLog.FromString(record)
            kind = log.WhichOneof("log_type")
            if kind not in _KINDS:
                logging.warning("%s: skipped a %s, which is not a request", file, kind)
                continue
            count += 1
            if count > MAX_WARM_UP_REQUESTS:
                raise ServingError(f"{file}: more than {MAX_WARM_UP_REQUESTS} requests; record fewer")
            call = _KINDS[kind](servable.signatures, getattr(log, kind).request)
            call.response([submit(*run).result() for run in call.runs], version=0)
    except DataError as error:
        raise ServingError(f"{error}; export the model again") from None
    except OSError as error:
        raise ServingError(f"{file} cannot be read: {error.strerror or error}") from error
    except DecodeError as error:
        raise ServingError(f"{file}: a record is not a PredictionLog; export the model again") from error
    except StatusError as error:
        raise ServingError(
            f"{file}: warm-up request {count} failed: {error.message}; export the model again or correct the file"
        ) from error
    return count
