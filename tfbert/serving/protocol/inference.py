"""Requests of TF Serving's PredictionService -> what a signature takes; its outputs -> responses.

Status codes and messages are those of tensorflow/serving's servables/tensorflow: predict_util.cc, classifier.cc,
regressor.cc, multi_inference.cc. One difference: MultiInference runs several signatures of a TF2 SavedModel, which
TF Serving refuses because each has a placeholder of its own.
"""

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from tfbert.serving.models.servable import DEFAULT_SIGNATURE
from tfbert.serving.protocol import tensor_proto

CLASSIFY_METHOD, REGRESS_METHOD = "tensorflow/serving/classify", "tensorflow/serving/regress"


def invalid(message):
    """The error that TF Serving calls INVALID_ARGUMENT."""
    return tf.errors.InvalidArgumentError(None, None, message)


class Predict:
    """A PredictRequest against a servable: `work`, a list of (signature, inputs), then `response`.

    >>> call = Predict(servable, request)
    >>> call.response([servable.run(*work) for work in call.work], version=1)
    """

    def __init__(self, servable, request):
        self._request = request
        self._key = key = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if key not in servable.signatures:
            raise tf.errors.FailedPreconditionError(
                None,
                None,
                f'Serving signature key "{key}" not found. The model has: {", ".join(servable.signatures)}.',
            )
        try:
            inputs = servable.parse_inputs(key, request.inputs)
            self._names = servable.output_names(key, request.output_filter)
        except ValueError as error:
            raise invalid(str(error)) from None
        self.work = [(key, inputs)]

    def response(self, outputs, version):
        """The PredictResponse with the outputs that the request's `output_filter` names."""
        response = predict_pb2.PredictResponse()
        _fill(response.model_spec, self._request.model_spec, self._key, version)
        for name in self._names:
            response.outputs[name].CopyFrom(tensor_proto.encode(outputs[0][name]))
        return response


class Classify:
    """A ClassificationRequest: tf.Examples -> classes with scores, through `inputs`, `classes` and `scores`."""

    def __init__(self, servable, request):
        self._spec = request.model_spec
        self._key = _signature(servable, self._spec, _check_classification)
        self._examples = _serialized_examples(request.input)
        self.work = [(self._key, {"inputs": self._examples})]

    def response(self, outputs, version):
        response = classification_pb2.ClassificationResponse()
        _fill(response.model_spec, self._spec, self._key, version)
        _fill_classification(response.result, outputs[0], len(self._examples))
        return response


class Regress:
    """A RegressionRequest: tf.Examples -> a number each, through `inputs` and `outputs`."""

    def __init__(self, servable, request):
        self._spec = request.model_spec
        self._key = _signature(servable, self._spec, _check_regression)
        self._examples = _serialized_examples(request.input)
        self.work = [(self._key, {"inputs": self._examples})]

    def response(self, outputs, version):
        response = regression_pb2.RegressionResponse()
        _fill(response.model_spec, self._spec, self._key, version)
        _fill_regression(response.result, outputs[0], len(self._examples))
        return response


class MultiInference:
    """A MultiInferenceRequest: several classifications and regressions of the same tf.Examples."""

    def __init__(self, servable, request):
        self._tasks, self._keys = request.tasks, []
        for task in request.tasks:
            check = {CLASSIFY_METHOD: _check_classification, REGRESS_METHOD: _check_regression}.get(task.method_name)
            key = task.model_spec.signature_name or DEFAULT_SIGNATURE
            if key in self._keys:
                raise invalid(f"Duplicate evaluation of signature: {key}")
            if key not in servable.signatures:
                raise invalid(f"Requested signature not found in model graph: {key}")
            if check is None:
                raise tf.errors.UnimplementedError(None, None, f"Unsupported signature method_name: {task.method_name}")
            check(servable.signature_defs[key])
            self._keys.append(key)
        self._examples = _serialized_examples(request.input)
        self.work = [(key, {"inputs": self._examples}) for key in self._keys]

    def response(self, outputs, version):
        response = inference_pb2.MultiInferenceResponse()
        for task, key, values in zip(self._tasks, self._keys, outputs, strict=True):
            result = response.results.add()
            _fill(result.model_spec, task.model_spec, key, version)
            if task.method_name == CLASSIFY_METHOD:
                _fill_classification(result.classification_result, values, len(self._examples))
            else:
                _fill_regression(result.regression_result, values, len(self._examples))
        return response


def _fill(answered, asked, key, version):
    answered.name, answered.signature_name = asked.name, key
    answered.version.value = version


def _signature(servable, spec, check):
    key = spec.signature_name or DEFAULT_SIGNATURE
    if key not in servable.signatures:
        raise invalid(f"No signature was found with the name: {key}")
    check(servable.signature_defs[key])
    return key


def _check_inputs(signature, kind):
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if "inputs" not in signature.inputs or signature.inputs["inputs"].dtype != tf.string.as_datatype_enum:
        raise tf.errors.FailedPreconditionError(
            None,
            None,
            f"No {kind} inputs found in SignatureDef: it takes {', '.join(signature.inputs)}, not `inputs`",
        )


def _check_classification(signature):
    _check_inputs(signature, "classification")
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if not set(signature.outputs) <= {"classes", "scores"}:
        raise tf.errors.FailedPreconditionError(
            None,
            None,
            f'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {', '.join(sorted(signature.outputs))}",
        )


def _check_regression(signature):
    _check_inputs(signature, "regression")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if "outputs" not in signature.outputs:
        raise tf.errors.FailedPreconditionError(
            None, None, f"No regression outputs found in SignatureDef: {', '.join(signature.outputs)}"
        )


def _serialized_examples(message):
    kind = message.WhichOneof("kind")
    examples = getattr(message, kind).examples if kind else ()
    if not examples:
        raise invalid("Input is empty.")
    if kind == "example_list":
        return np.array([example.SerializeToString() for example in examples], object)
    # Serialized messages merge when they are concatenated; what an example says itself comes last and wins.
    context = message.example_list_with_context.context.SerializeToString()
    return np.array([context + example.SerializeToString() for example in examples], object)


def _fill_classification(result, outputs, size):
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
        labels = [""] * scores.shape[1] if classes is None else [_text(label) for label in classes[row]]
        values = np.zeros(len(labels)) if scores is None else scores[row]
        result.classifications.add(
            classes=[{"label": label, "score": score} for label, score in zip(labels, values, strict=True)]
        )


def _fill_regression(result, outputs, size):
    values = outputs["outputs"]
    if values.dtype != np.float32:
        raise invalid(f"Expected output Tensor of float32. Got: {values.dtype.name}")
    if values.shape not in ((size,), (size, 1)):
        raise invalid(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {list(values.shape)}"
        )
    for value in values.ravel():
        result.regressions.add(value=value)


def _text(label):
    return label.decode("utf-8", "replace")  # a proto3 string field takes nothing else
