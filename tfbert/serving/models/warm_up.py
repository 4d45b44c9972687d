"""The requests recorded in a model folder, run before it serves: TF Serving's warm-up file."""

import logging

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from tfbert.errors import ServingError
from tfbert.export.saved_model.file_names import MAX_WARM_UP_REQUESTS, WARM_UP
from tfbert.serving.protocol import inference

_METHODS = {
    "predict_log": inference.Predict,
    "classify_log": inference.Classify,
    "regress_log": inference.Regress,
    "multi_inference_log": inference.MultiInference,
}


def warm_up(servable, submit):
    """Runs the recorded requests one after another; returns how many (0 without the file).

    `submit`: (signature, inputs) -> a Future of the outputs, `Batcher.submit`. The file is a TFRecord of
    `PredictionLog`; a request that fails is a `ServingError`, as in TF Serving it keeps the model from being
    served.
    """
    file = servable.folder / WARM_UP
    if not file.exists():
        return 0
    count = 0
    try:
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            kind = log.WhichOneof("log_type")
            if kind not in _METHODS:
                logging.warning("%s: skipped a %s", file, kind)
                continue
            count += 1
            if count > MAX_WARM_UP_REQUESTS:
                raise ServingError(f"{file}: more than {MAX_WARM_UP_REQUESTS} requests; record fewer")
            call = _METHODS[kind](servable, getattr(log, kind).request)
            call.response([submit(*work).result() for work in call.work], version=0)
    except DecodeError as error:
        raise ServingError(f"{file}: a record is not a PredictionLog; export the model again") from error
    except tf.errors.DataLossError as error:
        raise ServingError(f"{file}: not in TFRecord format or truncated; export the model again") from error
    except tf.errors.OpError as error:
        raise ServingError(f"{file}: warm-up request {count} failed: {error.message}") from error
    return count
