"""sentence-transformers folders with a dense layer, and with the encoder in a folder of its own."""

import json
import shutil

import numpy as np
import pytest

from tfbert import SentenceEncoder
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.errors import CheckpointError

TEXTS = ["my parcel is late", "refund please"]


@pytest.fixture(scope="module")
def dense(tiny_checkpoint, tmp_path_factory):
    """A saved model of 8 outputs by a dense layer, and its folder."""
    folder = tmp_path_factory.mktemp("dense") / "saved"
    model = SentenceEncoder.from_checkpoint(tiny_checkpoint, dense_units=8, dense_activation="gelu", normalize=False)
    model.save(folder)
    return model, folder


def test_a_dense_layer_comes_back(dense, tmp_path):
    model, folder = dense
    config = json.loads((folder / "2_Dense/config.json").read_text())
    assert config["activation_function"] == "torch.nn.modules.activation.GELU"
    assert (config["in_features"], config["out_features"], config["bias"]) == (32, 8, True)
    wanted = model.encode(TEXTS)
    hidden = SentenceEncoder.from_checkpoint(folder, dense_units=0, normalize=False).encode(TEXTS)
    layer = model.network.get_layer("dense")
    np.testing.assert_allclose(np.asarray(layer(hidden)), wanted, atol=1e-6)
    convert(open_checkpoint(folder), "hf", tmp_path / "converted")
    again = SentenceEncoder.from_checkpoint(tmp_path / "converted")
    assert again.load_report.missing == ()
    np.testing.assert_array_equal(again.encode(TEXTS), wanted)


def test_older_folders_keep_the_encoder_apart(dense, tmp_path):
    model, folder = dense
    shutil.copytree(folder, tmp_path / "older")
    inner = tmp_path / "older/0_Transformer"
    inner.mkdir()
    for path in [path for path in (tmp_path / "older").iterdir() if path.is_file() and path.name != "modules.json"]:
        path.rename(inner / path.name)
    config = json.loads((inner / "config.json").read_text())
    config.pop("tfbert")
    (inner / "config.json").write_text(json.dumps(config))
    modules = json.loads((tmp_path / "older/modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (tmp_path / "older/modules.json").write_text(json.dumps(modules))
    again = SentenceEncoder.from_checkpoint(tmp_path / "older")
    np.testing.assert_array_equal(again.encode(TEXTS), model.encode(TEXTS))
    modules[0]["path"] = "../.."
    (tmp_path / "older/modules.json").write_text(json.dumps(modules))
    with pytest.raises(CheckpointError, match="names a folder outside of its own"):
        open_checkpoint(tmp_path / "older")


@pytest.mark.parametrize("activation", [{"a": "torch.nn.modules.activation.Tanh"}, ["x"], 3])
def test_an_activation_that_is_no_text_is_refused(dense, tmp_path, activation):
    shutil.copytree(dense[1], tmp_path / "other")
    for name, change in (
        ("config", lambda held: held.pop("tfbert")),
        ("2_Dense/config", lambda held: held.update(activation_function=activation)),
    ):
        held = json.loads((tmp_path / f"other/{name}.json").read_text())
        change(held)
        (tmp_path / f"other/{name}.json").write_text(json.dumps(held))
    with pytest.raises(CheckpointError, match="has the activation .*; tfbert has torch.nn"):
        SentenceEncoder.from_checkpoint(tmp_path / "other")


@pytest.mark.parametrize("name", ["1_Pooling", "2_Dense"])
def test_a_folder_that_modules_json_names_and_that_is_not_there(dense, tmp_path, name):
    shutil.copytree(dense[1], tmp_path / "part", ignore=shutil.ignore_patterns(name))
    config = json.loads((tmp_path / "part/config.json").read_text())
    config.pop("tfbert")
    (tmp_path / "part/config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=rf"modules.json names .*part/{name}/config.json, which is not there"):
        SentenceEncoder.from_checkpoint(tmp_path / "part")
    if name == "1_Pooling":
        assert SentenceEncoder.from_checkpoint(tmp_path / "part", pooling="max").task.pooling == "max"
