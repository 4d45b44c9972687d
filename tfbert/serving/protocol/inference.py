"""Requests of TF Serving's PredictionService -> runs of signatures; their outputs -> responses.

Status codes and messages are those of tensorflow/serving, servables/tensorflow: predict_util.cc, classifier.cc,
regressor.cc, multi_inference.cc. One difference: MultiInference runs several signatures of a TF2 SavedModel, which
TF Serving refuses because each signature has a placeholder of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from tfbert.serving.protocol import dtypes, tensor_proto
from tfbert.serving.protocol.signatures import DEFAULT_SIGNATURE, Signatures
from tfbert.serving.protocol.status_codes import Code, StatusError, invalid

CLASSIFY_METHOD, REGRESS_METHOD = "tensorflow/serving/classify", "tensorflow/serving/regress"
Arrays = dict[str, np.ndarray]


class Predict:
    """A PredictRequest: `runs`, a list of (signature name, inputs), and from their outputs the `response`.

    Raises a `StatusError` for a request that does not fit the signature.

    >>> from tfbert.serving.models.servable import Servable

    >>> servable = Servable("served/mine/1")
    >>> texts = tensor_proto.encode(np.array([b"a film to treasure"], object))
    >>> request = predict_pb2.PredictRequest(inputs={"text": texts})
    >>> call = Predict(servable.signatures, request)
    >>> sorted(call.response([servable.run(*run) for run in call.runs], version=1).outputs)
    ['label', 'logits', 'probabilities']
    """

    def __init__(self, signatures: Signatures, request: predict_pb2.PredictRequest) -> None:
        self._request = request
        self._name = name = _signature_name(request.model_spec)
        if name not in signatures:
            raise StatusError(
                Code.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found. The model has: {", ".join(signatures.names)}.',
            )
        try:
            inputs = signatures.read_inputs(name, request.inputs)
            self._output_names = signatures.output_names(name, request.output_filter)
        except ValueError as error:
            raise invalid(str(error)) from None
        self.runs = [(name, inputs)]

    def response(self, outputs: Sequence[Arrays], version: int) -> predict_pb2.PredictResponse:
        """A response with the outputs that the request's `output_filter` names."""
        response = predict_pb2.PredictResponse()
        _fill_spec(response.model_spec, self._request.model_spec, self._name, version)
        for key in self._output_names:
            tensor_proto.encode(outputs[0][key], response.outputs[key])
        return response


class _OfExamples:
    """A request of serialized tf.Examples to one signature, whose input is `inputs`."""

    _check: ClassVar[Callable[[meta_graph_pb2.SignatureDef], None]]
    _fill: ClassVar[Callable[[Any, Arrays, int], None]]
    _response: ClassVar[type]

    def __init__(self, signatures: Signatures, request: Any) -> None:
        self._spec = request.model_spec
        self._name = name = _signature_name(self._spec)
        if name not in signatures:
            raise invalid(f"No signature was found with the name: {name}")
        self._check(signatures[name])
        self._examples = _serialized_examples(request.input)
        self.runs = [(name, {"inputs": self._examples})]

    def response(self, outputs: Sequence[Arrays], version: int) -> Any:
        """A response with one result per example."""
        response = self._response()
        _fill_spec(response.model_spec, self._spec, self._name, version)
        self._fill(response.result, outputs[0], len(self._examples))
        return response


def _check_input(signature: meta_graph_pb2.SignatureDef, kind: str) -> None:
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if "inputs" not in signature.inputs or signature.inputs["inputs"].dtype != dtypes.STRING.number:
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f"No {kind} inputs found in SignatureDef: it takes {', '.join(signature.inputs)}, not `inputs`",
        )


def _check_classification(signature: meta_graph_pb2.SignatureDef) -> None:
    _check_input(signature, "classification")
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if not set(signature.outputs) <= {"classes", "scores"}:
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {', '.join(sorted(signature.outputs))}",
        )


def _check_regression(signature: meta_graph_pb2.SignatureDef) -> None:
    _check_input(signature, "regression")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if "outputs" not in signature.outputs:
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f"No regression outputs found in SignatureDef: {', '.join(signature.outputs)}",
        )


def can_answer(signature: meta_graph_pb2.SignatureDef, method: str) -> bool:
    """Whether a signature's inputs and outputs are those of `classify` or `regress`."""
    check = {"classify": _check_classification, "regress": _check_regression}[method]
    try:
        check(signature)
    except StatusError:
        return False
    return True


def fill_classification(result: classification_pb2.ClassificationResult, outputs: Arrays, size: int) -> None:
    """Writes `classes` and `scores`, [size, classes] each, of which a signature may lack one."""
    classes, scores = outputs.get("classes"), outputs.get("scores")
    for name, array, kind in (("classes", classes, object), ("scores", scores, np.float32)):
        if array is None:
            continue
        if array.dtype != kind:
            raise invalid(f"Expected {name} Tensor of {np.dtype(kind).name}. Got: {array.dtype.name}")
        if array.ndim != 2 or len(array) != size:
            raise invalid(f"Expected {name} Tensor of shape [{size}, classes]. Got: {list(array.shape)}")
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise invalid(f"Expected classes and scores of one shape. Got: {list(classes.shape)}, {list(scores.shape)}")
    for row in range(size):
        if classes is None:
            labels = [""] * scores.shape[1]
        else:
            labels = [label.decode("utf-8", "replace") for label in classes[row]]  # proto3 takes valid UTF-8 only
        values = np.zeros(len(labels)) if scores is None else scores[row]
        result.classifications.add(
            classes=[{"label": label, "score": score} for label, score in zip(labels, values, strict=True)]
        )


def fill_regression(result: regression_pb2.RegressionResult, outputs: Arrays, size: int) -> None:
    """Writes `outputs`, [size] or [size, 1]."""
    values = outputs["outputs"]
    if values.dtype != np.float32:
        raise invalid(f"Expected output Tensor of float32. Got: {values.dtype.name}")
    if values.shape not in ((size,), (size, 1)):
        raise invalid(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {list(values.shape)}"
        )
    for value in values.ravel():
        result.regressions.add(value=value)


class Classify(_OfExamples):
    """A ClassificationRequest: tf.Examples -> classes with scores, the outputs `classes` and `scores`."""

    _check = staticmethod(_check_classification)
    _fill = staticmethod(fill_classification)
    _response = classification_pb2.ClassificationResponse


class Regress(_OfExamples):
    """A RegressionRequest: tf.Examples -> one number each, the output `outputs`."""

    _check = staticmethod(_check_regression)
    _fill = staticmethod(fill_regression)
    _response = regression_pb2.RegressionResponse


class MultiInference:
    """A MultiInferenceRequest: several classifications and regressions of the same tf.Examples."""

    def __init__(self, signatures: Signatures, request: inference_pb2.MultiInferenceRequest) -> None:
        self._tasks, self._names = request.tasks, []
        for task in request.tasks:
            check = {CLASSIFY_METHOD: _check_classification, REGRESS_METHOD: _check_regression}.get(task.method_name)
            name = _signature_name(task.model_spec)
            if name in self._names:
                raise invalid(f"Duplicate evaluation of signature: {name}")
            if name not in signatures:
                raise invalid(f"Requested signature not found in model graph: {name}")
            if check is None:
                raise StatusError(Code.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
            check(signatures[name])
            self._names.append(name)
        self._examples = _serialized_examples(request.input)
        self.runs = [(name, {"inputs": self._examples}) for name in self._names]

    def response(self, outputs: Sequence[Arrays], version: int) -> inference_pb2.MultiInferenceResponse:
        """A response with one result per task of the request."""
        response = inference_pb2.MultiInferenceResponse()
        for task, name, values in zip(self._tasks, self._names, outputs, strict=True):
            result = response.results.add()
            _fill_spec(result.model_spec, task.model_spec, name, version)
            if task.method_name == CLASSIFY_METHOD:
                fill_classification(result.classification_result, values, len(self._examples))
            else:
                fill_regression(result.regression_result, values, len(self._examples))
        return response


def _signature_name(spec: model_pb2.ModelSpec) -> str:
    return spec.signature_name or DEFAULT_SIGNATURE


def _fill_spec(target: model_pb2.ModelSpec, asked: model_pb2.ModelSpec, name: str, version: int) -> None:
    target.name, target.signature_name = asked.name, name
    target.version.value = version


def _serialized_examples(message: input_pb2.Input) -> np.ndarray:
    kind = message.WhichOneof("kind")
    examples = getattr(message, kind).examples if kind else ()
    if not examples:
        raise invalid("Input is empty.")
    if kind == "example_list":
        return np.array([example.SerializeToString() for example in examples], object)
    # Concatenated messages merge when they are parsed; the example's own features come last and win.
    context = message.example_list_with_context.context.SerializeToString()
    return np.array([context + example.SerializeToString() for example in examples], object)
