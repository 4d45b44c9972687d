"""Hugging Face folders: reading in their variants, writing, and what is wrong with a damaged one."""

import json
import shutil

import numpy as np
import pytest
import safetensors.numpy

from tfbert import BertEncoder, TextClassifier
from tfbert.checkpoints import load_encoder, open_checkpoint
from tfbert.checkpoints.formats.hugging_face import write_folder
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import CheckpointError, ConfigError


@pytest.fixture
def folder(tiny_checkpoint, tmp_path):
    """A copy of the tiny checkpoint, to be changed."""
    return shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")


def loaded(folder):
    source = open_checkpoint(folder)
    encoder = BertEncoder(source.config)
    encoder.build()
    return encoder, load_encoder(encoder, source)


def change_tensors(folder, change):
    path = folder / "model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    safetensors.numpy.save_file(change(tensors), path, metadata={"format": "pt"})


def same_weights(one, other):
    for left, right in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(left, right)


def test_real_weights_load_whole(minilm):
    encoder, report = loaded(minilm)
    assert (len(report.loaded), report.missing) == (103, ())
    tensors = safetensors.numpy.load_file(minilm / "model.safetensors")
    kernel = relative_variables(encoder)["block_5/feed_forward/intermediate/kernel"]
    np.testing.assert_array_equal(kernel, tensors["encoder.layer.5.intermediate.dense.weight"].T)


def test_round_trip_keeps_every_byte(minilm, tmp_path):
    encoder, _ = loaded(minilm)
    write_folder(tmp_path, encoder)
    before = safetensors.numpy.load_file(minilm / "model.safetensors")
    after = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    before.pop("embeddings.position_ids", None)  # a constant that old versions of transformers stored
    assert {f"bert.{name}" for name in before} == set(after)
    for name, value in before.items():
        assert after[f"bert.{name}"].tobytes() == value.tobytes()
    assert open_checkpoint(tmp_path).config == encoder.config


def test_with_and_without_prefix_and_with_old_names(folder):
    first, _ = loaded(folder)
    change_tensors(folder, lambda tensors: {name.removeprefix("bert."): value for name, value in tensors.items()})
    same_weights(loaded(folder)[0], first)
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}

    def rename(tensors):
        for new, before in old.items():
            tensors = {name.replace(new, before): value for name, value in tensors.items()}
        return tensors

    change_tensors(folder, rename)
    same_weights(loaded(folder)[0], first)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions(folder, dtype):
    import ml_dtypes

    first, _ = loaded(folder)
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    change_tensors(folder, lambda tensors: {name: value.astype(kind) for name, value in tensors.items()})
    for left, right in zip(loaded(folder)[0].weights, first.weights, strict=True):
        np.testing.assert_allclose(left, np.asarray(right).astype(kind).astype("float32"))


def test_a_missing_pooler_and_head_are_reported_by_name(folder):
    change_tensors(folder, lambda tensors: {n: v for n, v in tensors.items() if "pooler" not in n})
    model = TextClassifier.from_checkpoint(folder, labels=["a", "b"])
    assert model.load_report.missing == ("pooler/kernel", "pooler/bias", "classifier/kernel", "classifier/bias")


def test_a_head_of_other_labels_starts_anew(folder, tmp_path):
    model = TextClassifier.from_checkpoint(folder, labels=["a", "b"])
    model.save(tmp_path / "saved")
    again = TextClassifier.from_checkpoint(tmp_path / "saved", labels=["x", "y", "z"])
    assert again.load_report.missing == ("classifier/kernel", "classifier/bias")


def cut_bytes(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def cut_header(folder):
    (folder / "model.safetensors").write_bytes(b"\x00\x01")


def wrong_shape(folder):
    name = "bert.encoder.layer.1.attention.self.key.weight"
    change_tensors(folder, lambda tensors: {**tensors, name: np.ascontiguousarray(tensors[name][:, :-1])})


def missing_tensor(folder):
    change_tensors(folder, lambda tensors: {n: v for n, v in tensors.items() if "layer.0.output" not in n})


def change_config(**values):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


def remove(name):
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (cut_bytes, CheckpointError, r"model\.safetensors is truncated"),
        (cut_header, CheckpointError, r"model\.safetensors is truncated or no safetensors"),
        (
            wrong_shape,
            CheckpointError,
            r"layer\.1\.attention\.self\.key\.weight has the shape \[32, 31\].*\[32, 32\]",
        ),
        (missing_tensor, CheckpointError, r"lacks 4 tensors of the encoder: .*layer\.0\.output\.dense\.weight"),
        (change_config(num_hidden_layers=3), CheckpointError, r"lacks 16 tensors.*layer\.2"),
        (change_config(vocab_size=100), CheckpointError, r"word_embeddings\.weight has the shape.*\[100, 32\]"),
        (change_config(model_type="convbert"), CheckpointError, "is ConvBERT, which tfbert does not read"),
        (change_config(model_type="gpt"), ConfigError, "model_type is 'gpt'"),
        (change_config(pruned_heads={"0": [1]}), ConfigError, "pruned_heads names heads that are cut out"),
        (remove("config.json"), CheckpointError, r"config\.json does not exist"),
        (remove("model.safetensors"), CheckpointError, "is no checkpoint that tfbert reads.*it holds config.json"),
    ],
)
def test_damage_is_named(folder, damage, error, message):
    damage(folder)
    with pytest.raises(error, match=message) as raised:
        loaded(folder)
    assert str(folder) in str(raised.value)


def test_no_such_folder(tmp_path):
    with pytest.raises(CheckpointError, match="there is no folder"):
        open_checkpoint(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="a checkpoint is a folder"):
        open_checkpoint(tmp_path / "file")
