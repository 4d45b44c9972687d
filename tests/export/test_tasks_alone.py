"""Each task's exported signatures, in a process with TensorFlow's runtime and tf-text's compiled operations alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from alone import answers_alone
from export_models import MODELS

LONG = "my order is the parcel and the order. " * 60
REQUESTS = [
    ("token_classification", "serving_default", {"text": ["where is my parcel", "", LONG, "Ünïcode 你好"]}),
    ("token_classification", "words", {"words": [["where", "is", "it"], ["refund", "", ""], ["", "", ""]]}),
    ("relation_extraction", "serving_default", {"text": ["<e1>order</e1> is <e2>late</e2>", "no marks", ""]}),
    ("relation_extraction", "spans", {"text": ["order is late", "ab"], "head": [[0, 5], [0, 9]], "tail": [[9, 13], [7, 8]]}),
    ("question_answering", "serving_default", {"question": ["where", LONG, "?"], "context": [LONG, "here it is", ""]}),
    ("summarization", "serving_default", {"document": [LONG, "", "One. Two three. Four!\\nFive"]}),
    ("sentence_embedding", "serving_default", {"text": ["where is it", ""]}),
    ("sentence_embedding", "similarity", {"text": ["a parcel"], "text_pair": ["an order"]}),
    ("multiple_choice", "serving_default", {"prompt": ["my order", "is"], "choices": [["is", "late", "here"], ["no", "yes", ""]]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def served(tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    models = {}
    for task in dict.fromkeys(task for task, *_ in REQUESTS):
        keras.utils.set_random_seed(1)
        models[task] = MODELS[task](tiny_checkpoint)
        models[task].export(folder / task / "1")
    requests = [(folder / task / "1", signature, inputs) for task, signature, inputs in REQUESTS]
    return models, answers_alone(requests, folder)


@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{task}-{name}" for task, name, _ in REQUESTS])
def test_answers_are_the_models(served, number):
    models, answers = served
    task, signature, inputs = REQUESTS[number]
    specs = models[task].task.signatures[signature]
    wanted = models[task].answer({name: tf.constant(given, specs[name].dtype) for name, given in inputs.items()})
    got = answers[number]
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert len(got[name]) == len(next(iter(inputs.values()))), name
        if got[name].dtype.kind == "f":
            np.testing.assert_allclose(got[name], value.numpy(), atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(got[name], value.numpy(), err_msg=name)
