"""A DistilBERT is saved as such, and all of it comes back."""

import json

import keras
import numpy as np
import pytest

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.tasks.fill_mask.task import FillMask
from tfbert.tasks.token_classification.task import TokenClassification


@pytest.fixture
def model(tiny_checkpoint, tiny_config):
    """make(class, task's class, **its settings): a model of random weights, also where they start at 0."""
    values = {**tiny_config.to_dict(), "layer_norm_eps": 1e-3, "classifier_dropout": 0.0}
    config = tfbert.DistilBertConfig(**{name: values[name] for name in values if name != "type_vocab_size"})
    tokenizer = tfbert.Tokenizer.from_folder(tiny_checkpoint)

    def make(kind, task, **settings):
        made = kind(task(tokenizer, max_length=32, **settings), config)
        for variable in made.network.weights:
            variable.assign(keras.random.normal(variable.shape))
        return made

    return make


@pytest.mark.parametrize(
    ("kind", "task", "settings"),
    [
        (tfbert.TokenClassifier, TokenClassification, {"labels": ("place",), "transitions": True}),
        (tfbert.Pretrainer, FillMask, {"next_sentence": True}),
    ],
    ids=["transitions", "next sentence"],
)
def test_every_variable_and_constant_comes_back(model, kind, task, settings, tmp_path):
    before = model(kind, task, **settings)
    before.save(tmp_path / "saved")
    after = tfbert.load(tmp_path / "saved")
    assert after.encoder.config == before.encoder.config
    for ours, theirs in zip(before.network.get_weights(), after.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_epsilon_that_distilbert_does_not_read_is_not_read(model, tmp_path):
    """transformers keeps any key of config.json, and computes by its own constant."""
    model(tfbert.Pretrainer, FillMask).save(tmp_path / "saved")
    path = tmp_path / "saved/config.json"
    values = {key: value for key, value in json.loads(path.read_text()).items() if key != "pooler_act"}
    path.write_text(json.dumps(values))
    config = open_checkpoint(tmp_path / "saved").config
    assert (config.layer_norm_eps, config.pooler_act) == (1e-12, "relu")
