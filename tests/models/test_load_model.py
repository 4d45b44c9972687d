"""`tfbert.load` of checkpoints that lack what their task does not read, or have more than they use."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import safetensors.numpy

import tfbert
from tfbert.errors import CheckpointError, ConfigError, VocabularyError
from tfbert.models import model_class
from tfbert.tasks.fill_mask.task import FillMask

TASKS = [
    ("classification", {"labels": ("a", "b")}),
    ("token_classification", {"labels": ("a",), "transitions": True}),
    ("question_answering", {}),
    ("summarization", {}),
    ("multiple_choice", {}),
    ("sentence_embedding", {"pooling": "cls"}),
    ("fill_mask", {"next_sentence": True}),
    ("fill_mask", {"next_sentence": False}),
]


@pytest.mark.parametrize(("task", "settings"), TASKS, ids=str)
def test_a_pooler_may_be_missing_where_no_output_depends_on_it(task, settings, tiny_checkpoint, features, tmp_path):
    model = model_class(task).from_checkpoint(tiny_checkpoint, **settings)
    features = {**features, "masked_positions": np.ones((4, 1), "int32")}

    def outputs():
        return keras.tree.flatten(model.call(features))

    before = outputs()
    model.encoder.pooler.bias.assign_add(keras.random.normal((32,)))
    depends = any(np.any(np.asarray(one) != other) for one, other in zip(before, outputs(), strict=True))
    assert model.task.reads_pooler == depends

    model.save(tmp_path / "saved")
    path = tmp_path / "saved/model.safetensors"  # as transformers writes BertForMaskedLM and some others
    tensors = safetensors.numpy.load_file(path)
    safetensors.numpy.save_file({name: tensors[name] for name in tensors if "pooler" not in name}, path)
    if depends:
        with pytest.raises(CheckpointError, match="saved lacks pooler/kernel, pooler/bias"):
            tfbert.load(tmp_path / "saved")
    else:
        again = tfbert.load(tmp_path / "saved", task=task.replace("_", "-"))
        np.testing.assert_array_equal(keras.tree.flatten(again.call(features))[0], outputs()[0])
        again.save(tmp_path / "mine.keras")
        again = keras.models.load_model(tmp_path / "mine.keras")
        again.save(tmp_path / "again")  # its random pooler is not a checkpoint's
        assert safetensors.numpy.load_file(tmp_path / "again/model.safetensors").keys() == {
            name for name in tensors if "pooler" not in name
        }
        other = tfbert.TextClassifier.from_checkpoint(tmp_path / "again", labels=["x", "y"])
        assert other.load_report.missing[:2] == ("pooler/kernel", "pooler/bias")


def test_an_embedding_padded_on_purpose_stays_so(tiny_checkpoint, tiny_config, tmp_path):
    config = dataclasses.replace(tiny_config, vocab_size=tiny_config.vocab_size + 3)
    masks = FillMask(tfbert.Tokenizer.from_folder(tiny_checkpoint), max_length=32)
    tfbert.Pretrainer(masks, config).save(tmp_path / "padded")
    assert tfbert.load(tmp_path / "padded").encoder.config == config
    classifier = tfbert.TextClassifier.from_checkpoint(tmp_path / "padded", labels=["a", "b"])
    classifier.save(tmp_path / "classifier")
    assert tfbert.load(tmp_path / "classifier").encoder.config == config
    path = tmp_path / "padded/config.json"
    values = json.loads(path.read_text())
    values.pop("tfbert")
    path.write_text(json.dumps(values))
    accepted = "unused_embeddings=True accepts an embedding padded on purpose .*of predict --unused_embeddings"
    with pytest.raises(VocabularyError, match=accepted):
        tfbert.load(tmp_path / "padded", task="fill-mask")
    assert tfbert.load(tmp_path / "padded", task="fill-mask", unused_embeddings=True).encoder.config == config
    assert tfbert.Pretrainer.from_checkpoint(tmp_path / "padded", unused_embeddings=True).encoder.config == config


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"tfbert": 7}, CheckpointError, "must have the name of a task and an object of settings"),
        ({"tfbert": ["task"]}, CheckpointError, "must have the name of a task and an object of settings"),
        ({"tfbert": {"task": 7, "settings": {}}}, CheckpointError, "must have the name of a task"),
        ({"tfbert": {"task": "classification"}}, CheckpointError, "an object of settings"),
        ({"tfbert": {"task": "mine", "class": 7, "settings": {}}}, CheckpointError, "must have the name of a task"),
        ({"tfbert": {"task": "mine", "class": ".os:x", "settings": {}}}, ConfigError, "is named module:Class"),
        ({"tfbert": {"task": "mine", "class": "", "settings": {}}}, ConfigError, "is named module:Class"),
        ({"problem_type": {"a": 1}}, ConfigError, "problem_type must be a text, not an object"),
    ],
    ids=str,
)
def test_a_configuration_that_names_no_task(values, error, message, tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))
    load = tfbert.load if "tfbert" in values else tfbert.TextClassifier.from_checkpoint
    with pytest.raises(error, match=message):
        load(folder)
