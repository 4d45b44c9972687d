"""Classify, Regress and MultiInference on tf.Examples, with TF Serving's codes."""

import numpy as np
import pytest
from served import CODE, example, examples, refused
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    input_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tfbert.serving.protocol import inference
from tfbert.serving.protocol.status_codes import StatusError


@pytest.fixture(scope="module")
def service(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def spec(signature="", name="mine"):
    return {"name": name, "signature_name": signature}


def test_classify_gives_labels_and_scores(service):
    request = classification_pb2.ClassificationRequest(model_spec=spec("classify"), input=examples("a b", "abc"))
    response = service.Classify(request, timeout=10)
    assert response.model_spec.version.value == 3 and response.model_spec.signature_name == "classify"
    found = [[(each.label, each.score) for each in row.classes] for row in response.result.classifications]
    assert found == [[("bytes", 3), ("words", 2)], [("bytes", 3), ("words", 1)]]


def test_regress_gives_a_number(service):
    request = regression_pb2.RegressionRequest(model_spec=spec("regress"), input=examples("a b", "abc"))
    response = service.Regress(request, timeout=10)
    assert [each.value for each in response.result.regressions] == [2, 1]


def test_a_context_is_part_of_every_example(service):
    both = input_pb2.Input(
        example_list_with_context={"examples": [example(), example("own words here")], "context": example("a b")}
    )
    response = service.Regress(regression_pb2.RegressionRequest(model_spec=spec("regress"), input=both), timeout=10)
    assert [each.value for each in response.result.regressions] == [2, 3]


def multi(*tasks, texts=("a b", "abc")):
    tasks = [{"model_spec": spec(signature), "method_name": method} for signature, method in tasks]
    return inference_pb2.MultiInferenceRequest(tasks=tasks, input=examples(*texts))


CLASSIFY, REGRESS = ("classify", "tensorflow/serving/classify"), ("regress", "tensorflow/serving/regress")


def test_multi_inference_answers_each_task(service):
    classified, regressed = service.MultiInference(multi(CLASSIFY, REGRESS), timeout=10).results
    assert [row.classes[0].score for row in classified.classification_result.classifications] == [3, 3]
    assert [each.value for each in regressed.regression_result.regressions] == [2, 1]
    assert (classified.model_spec.signature_name, regressed.model_spec.version.value) == ("classify", 3)


def test_wrong_requests_get_tf_servings_codes(service):
    def classify(signature="classify", name="mine", given=None):
        given = examples("a") if given is None else given
        return classification_pb2.ClassificationRequest(model_spec=spec(signature, name), input=given)

    for message, code, details in (
        (classify("x"), CODE.INVALID_ARGUMENT, "No signature was found with the name: x"),
        (classify(name="x"), CODE.NOT_FOUND, "Servable not found for request: Latest(x)"),
        (classify(""), CODE.FAILED_PRECONDITION, "No classification inputs found in SignatureDef"),
        (classify("regress"), CODE.FAILED_PRECONDITION, 'at least one of "classes" or "scores"'),
        (classify("pair"), CODE.INVALID_ARGUMENT, "Expected one input Tensor."),
        (classify(given=input_pb2.Input()), CODE.INVALID_ARGUMENT, "Input is empty."),
        (classify(given=examples()), CODE.INVALID_ARGUMENT, "Input is empty."),
        (classify(given=examples(None)), CODE.INVALID_ARGUMENT, "text"),  # the graph's own words
        (classification_pb2.ClassificationRequest(), CODE.INVALID_ARGUMENT, "Missing ModelSpec"),
    ):
        answered = refused(service.Classify, message)
        assert answered[0] == code and details in answered[1]
    message = regression_pb2.RegressionRequest(model_spec=spec("classify"), input=examples("a"))
    assert refused(service.Regress, message)[1] == "Expected one output Tensor."

    other = multi(CLASSIFY, REGRESS)
    other.tasks[1].model_spec.name = "other"
    for message, code, details in (
        (multi(), CODE.INVALID_ARGUMENT, "no tasks"),
        (other, CODE.INVALID_ARGUMENT, "must access the same model name"),
        (multi(CLASSIFY, CLASSIFY), CODE.INVALID_ARGUMENT, "Duplicate evaluation of signature: classify"),
        (multi(("x", CLASSIFY[1])), CODE.INVALID_ARGUMENT, "Requested signature not found in model graph: x"),
        (multi(("classify", "x")), CODE.UNIMPLEMENTED, "Unsupported signature method_name: x"),
        (multi(CLASSIFY, texts=()), CODE.INVALID_ARGUMENT, "Input is empty."),
    ):
        answered = refused(service.MultiInference, message)
        assert answered[0] == code and details in answered[1]


@pytest.mark.parametrize(
    ("outputs", "details"),
    [
        ({"classes": np.zeros([1, 2], np.float32)}, "Expected classes Tensor of object. Got: float32"),
        ({"scores": np.zeros([1], np.float32)}, r"Expected scores Tensor of shape \[1, classes\]. Got: \[1\]"),
        ({"scores": np.zeros([1, 1], np.float32), "classes": np.array([[b"a", b"b"]], object)}, "of one shape"),
    ],
)
def test_outputs_that_are_no_classification_are_told(outputs, details):
    with pytest.raises(StatusError, match=details):
        inference.fill_classification(classification_pb2.ClassificationResult(), outputs, 1)
