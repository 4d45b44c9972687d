"""Whether a request's ModelSpec and size can be used, as tensorflow/serving checks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_serving.apis import inference_pb2, model_pb2, predict_pb2

from tfbert.serving.protocol.signatures import DEFAULT_SIGNATURE, Signatures
from tfbert.serving.protocol.status_codes import invalid


def check_spec(request: Any) -> None:
    """INVALID_ARGUMENT for a request without a ModelSpec."""
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")


def check_name(spec: model_pb2.ModelSpec) -> None:
    """INVALID_ARGUMENT for a ModelSpec without a name."""
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")


def common_spec(tasks: Sequence[inference_pb2.InferenceTask]) -> model_pb2.ModelSpec:
    """The first of a MultiInferenceRequest's ModelSpecs, all of which must name one model."""
    if not tasks:
        raise invalid("Found no tasks in the MultiInferenceRequest.")
    if not all(task.model_spec.name for task in tasks):
        raise invalid("Found ModelSpec with an empty model name.")
    if len({task.model_spec.name for task in tasks}) > 1:
        raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    return tasks[0].model_spec


def rows_of(inputs: Mapping[str, np.ndarray]) -> int:
    """The rows of a request's inputs; 1 if they have no batch.

    >>> rows_of({"text": np.array([b"a", b"b"], object)})
    2
    """
    array = next(iter(inputs.values()), None)
    return len(array) if array is not None and array.ndim else 1


def rows_sent(signatures: Signatures, request: Any) -> int:
    """How many texts, examples or rows of ids a request has, before it is read.

    >>> rows_sent(Signatures({}), predict_pb2.PredictRequest())
    0
    """
    if isinstance(request, predict_pb2.PredictRequest):
        return signatures.rows_sent(request.model_spec.signature_name or DEFAULT_SIGNATURE, request.inputs)
    kind = request.input.WhichOneof("kind")
    return len(getattr(request.input, kind).examples) if kind else 0


def check_rows(rows: int, most: int) -> None:
    """INVALID_ARGUMENT for a request of more rows: it would keep a worker, and others' requests waiting, for long.

    >>> check_rows(32, most=64)
    """
    if rows > most:
        raise invalid(f"Task size {rows} is larger than maximum input batch size {most}: send several requests")
