"""Families with tokenizers of their own kind: every task's answer to texts is the same in the model and in its export."""

import functools
import itertools
import json

import keras
import models
import numpy as np
import pytest
import table
from own_tokenizers import TOKENIZERS

import tfbert
from tfbert.export.folder import export

# What the quick tests try: a pair, and ids with places.
QUICK = {("roberta", "question_answering")}
TASKS = [
    name
    for name, row in table.TASKS.items()
    if not row.is_variant and name not in ("toy", "replaced_tokens")  # of any family
]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """checkpoint(model_type): the folder of a small random model with its family's kind of tokenizer."""

    @functools.cache
    def of(model_type):
        tokenizer = TOKENIZERS[model_type](tmp_path_factory.mktemp("files"))
        folder = tmp_path_factory.mktemp(model_type)
        return models.write_checkpoint(folder, models.network_for(model_type, tokenizer), tokenizer)

    return of


def questions_of(row, tokenizer):
    mask = tokenizer.special_tokens.mask
    return json.loads(json.dumps(row.questions).replace("[MASK]", mask))


@pytest.mark.parametrize(
    ("model_type", "task"),
    [
        pytest.param(*pair, marks=[pytest.mark.slow] * (pair not in QUICK))
        for pair in itertools.product(TOKENIZERS, TASKS)
    ],
)
def test_served_answers(model_type, task, checkpoint, runtime, tmp_path):
    row = table.TASKS[task]
    keras.utils.set_random_seed(3)
    settings = {**models.settings_of(row), "max_length": 64}
    model = tfbert.models.model_class(row.task).from_checkpoint(checkpoint(model_type), **settings)
    questions = questions_of(row, model.task.tokenizer)
    expected = model.predict(questions)
    export(model, tmp_path / "exported", row.formats, precisions=["float32"])
    inputs = models.arrays(questions, model.task.signatures["serving_default"])
    found = model.task.readable(runtime.ask(tmp_path / "exported/1", inputs))
    assert_same(found, expected)
    checked = json.loads((tmp_path / "exported/golden.json").read_text())["checked"]
    assert [each["file"] for each in checked] == ["1", "lite/model.tflite", "onnx/model.onnx"]
    assert all(difference < 1e-4 for each in checked for difference in each["largest_difference"].values())
    again = tfbert.load(save(model, tmp_path / "saved"))
    assert_same(again.predict(questions), expected)


def save(model, folder):
    model.save(folder)
    return folder


def assert_same(found, expected):
    """Nested answers that are equal, and numbers that are near."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-4)
    elif isinstance(expected, np.ndarray):
        np.testing.assert_allclose(found, expected, atol=1e-4)
    else:
        assert found == expected
