"""Tasks on it: `head` stands before the last layer of each of Hugging Face's heads, and is in their files."""

import json

import keras
import models
import numpy as np
import pytest
import safetensors.numpy
import table

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.export.folder import export

TASKS = {"token_classification": tfbert.TokenClassifier, "question_answering": tfbert.QuestionAnswerer}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return models.write_checkpoint(tmp_path_factory.mktemp("modernbert"), models.network_of("modernbert", layers=2))


def trained(name, checkpoint):
    """A model of a row of tasks, with numbers in its heads."""
    keras.utils.set_random_seed(0)
    model = TASKS[name].from_checkpoint(checkpoint, **models.settings_of(table.TASKS[name]))
    head = model.network.get_layer(model.task.checkpoint_heads[0])
    head.kernel.assign(head.kernel * 20)
    return model


@pytest.mark.parametrize("name", TASKS)
def test_a_head_of_each_token_reads_the_pooler(name, checkpoint, tmp_path):
    model, questions = trained(name, checkpoint), table.TASKS[name].questions
    model.save(tmp_path / "saved")
    stored = safetensors.numpy.load_file(tmp_path / "saved/model.safetensors")
    head = model.network.get_layer(model.task.checkpoint_heads[0])
    np.testing.assert_array_equal(stored["classifier.weight"], np.asarray(head.kernel).T)
    assert {"head.dense.weight", "head.norm.weight"} <= set(stored) and "qa_outputs.weight" not in stored
    again = tfbert.load(tmp_path / "saved")
    assert not again.load_report.missing and again.predict(questions) == model.predict(questions)
    pooler = again.encoder.pooler.dense.kernel
    pooler.assign(-pooler)
    features = model.task.features(models.example_of(questions))
    ours, others = (each.task.named(each(features))["logits"] for each in (model, again))
    assert np.abs(ours - others).max() > 1e-3


def test_a_question_answering_head_is_no_classifier(checkpoint, tmp_path):
    trained("question_answering", checkpoint).save(tmp_path)
    assert open_checkpoint(tmp_path).heads() == ("qa_outputs",)
    model = tfbert.TextClassifier.from_checkpoint(tmp_path, labels=["a", "b"])
    assert model.load_report.missing == ("classifier/kernel", "classifier/bias")


def test_a_classifier_begins_with_the_head_of_the_masked_language_model(checkpoint, tmp_path):
    """As Hugging Face's classes do."""
    pretrainer = tfbert.Pretrainer.from_checkpoint(checkpoint, max_length=16, next_sentence=False)
    kernel = pretrainer.network.predictions.transform.kernel
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    pretrainer.save(tmp_path / "mlm")
    model = tfbert.TextClassifier.from_checkpoint(tmp_path / "mlm", labels=["a", "b"])
    assert model.load_report.missing == ("classifier/kernel", "classifier/bias")
    np.testing.assert_array_equal(model.encoder.pooler.dense.kernel, kernel)
    model.save(tmp_path / "classifier")
    again = tfbert.Pretrainer.from_checkpoint(tmp_path / "classifier", max_length=16, next_sentence=False)
    assert "predictions/transform/kernel" in again.load_report.missing


def test_two_heads_of_pretraining_are_two(checkpoint, tmp_path):
    model = tfbert.Pretrainer.from_checkpoint(checkpoint, max_length=16, next_sentence=True)
    model.save(tmp_path)
    again = tfbert.load(tmp_path)
    assert not again.load_report.missing
    for ours, theirs in zip(model.network.weights, again.network.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_exports_give_the_models_answers(name, checkpoint, tmp_path):
    export(trained(name, checkpoint), tmp_path, table.TASKS[name].formats, precisions=["float32"])
    for row in json.loads((tmp_path / "golden.json").read_text())["checked"][1:]:
        assert max(row["largest_difference"].values()) < 1e-4
