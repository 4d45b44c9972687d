"""Google's TF1 checkpoints: the published tiny one, and damage."""

import shutil

import google_reference
import numpy as np
import pytest
import tensorflow as tf

from tfbert import BertEncoder, Pretrainer, TextClassifier
from tfbert.checkpoints import load_encoder, open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.encoders.bert.google_tf1 import TABLE
from tfbert.encoders.weight_table import expand, relative_variables
from tfbert.errors import CheckpointError


def test_the_published_tiny_checkpoint(data_dir):
    """keras-bert's test checkpoint: two layers, with Adam's slots beside the weights."""
    folder = data_dir("checkpoints/keras_bert_tf1_tiny")
    source = open_checkpoint(folder)
    encoder = BertEncoder(source.config)
    encoder.build()
    report = load_encoder(encoder, source)
    assert report.missing == ()
    reader = tf.train.load_checkpoint(str(folder / "bert_model.ckpt"))
    assert any("adam" in name for name in reader.get_variable_to_shape_map())
    variables = relative_variables(encoder)
    for row in expand((*TABLE.encoder, *TABLE.pooler), 2):
        np.testing.assert_array_equal(variables[row.variable], reader.get_tensor(row.tensor))
    model = TextClassifier.from_checkpoint(folder, labels=["a", "b"])
    assert model.predict(["all work and no play"])[0]["label"] in "ab"


def same_outputs(folder, features):
    """tfbert's numbers are those of Google's modeling.py on the same tensors."""
    every = np.tile(np.arange(features["token_ids"].shape[1], dtype="int32"), (len(features["token_ids"]), 1))
    model = Pretrainer.from_checkpoint(folder)
    assert model.load_report.missing == ()
    ours = {**model.encoder(features), **model.network({**features, "masked_positions": every})}
    theirs = google_reference.outputs(folder, features)
    kept = features["padding_mask"].astype(bool)
    for name in ("sequence_output", "token_logits"):
        np.testing.assert_allclose(np.asarray(ours[name])[kept], theirs[name][kept], atol=1e-5)
    for name in ("pooled_output", "pair_logits"):
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-5)


def test_the_numbers_are_googles(data_dir, network, features, tmp_path):
    """Of a published checkpoint, and of one that was written here."""
    folder = data_dir("checkpoints/keras_bert_tf1_tiny")
    same_outputs(folder, {name: value % (15 if name == "token_ids" else 2) for name, value in features.items()})
    convert(network(("predictions", "seq_relationship")), "tf1", tmp_path / "ours")
    same_outputs(tmp_path / "ours", features)


def test_index_without_data(data_dir):
    folder = data_dir("checkpoints/google_bert_index_meta_only")
    with pytest.raises(CheckpointError, match=r"bert_model\.ckpt"):
        source = open_checkpoint(folder)
        encoder = BertEncoder(source.config)
        encoder.build()
        load_encoder(encoder, source)


@pytest.fixture
def written(tiny_checkpoint, tiny_config, tmp_path):
    """The tiny checkpoint as Google's own code would have written it, classifier included."""
    source = open_checkpoint(tiny_checkpoint)
    encoder = BertEncoder(tiny_config)
    encoder.build()
    load_encoder(encoder, source)
    variables = relative_variables(encoder)
    values = {row.tensor: np.asarray(variables[row.variable]) for row in expand((*TABLE.encoder, *TABLE.pooler), 2)}
    values["output_weights"] = np.arange(64, dtype="float32").reshape(2, 32)  # [L, H]
    values["output_bias"] = np.array([1.0, 2.0], "float32")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tensors = [tf.compat.v1.get_variable(name, initializer=value) for name, value in values.items()]
        tf.compat.v1.train.get_or_create_global_step()
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(tmp_path / "bert_model.ckpt"))
        assert tensors
    shutil.copy(tiny_checkpoint / "config.json", tmp_path / "bert_config.json")
    shutil.copy(tiny_checkpoint / "vocab.txt", tmp_path / "vocab.txt")
    return tmp_path, encoder


def test_equals_the_same_weights_in_a_hugging_face_folder(written):
    folder, encoder = written
    model = TextClassifier.from_checkpoint(folder, labels=["a", "b"])
    assert model.load_report.missing == ()
    for left, right in zip(model.encoder.weights, encoder.weights, strict=True):
        np.testing.assert_array_equal(left, right)
    kernel, bias = model.network.get_layer("classifier").get_weights()
    np.testing.assert_array_equal(kernel, np.arange(64).reshape(2, 32).T)
    np.testing.assert_array_equal(bias, [1, 2])


def test_damage_is_named(written):
    folder, _ = written
    data = folder / "bert_model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match=r"bert_model\.ckpt\.data.* has 2000 bytes, and its index says"):
        TextClassifier.from_checkpoint(folder, labels=["a", "b"])
    (folder / "bert_model.ckpt.index").unlink()
    with pytest.raises(CheckpointError, match=r"must hold bert_model\.ckpt\.index; it holds no"):
        TextClassifier.from_checkpoint(folder, labels=["a", "b"])
