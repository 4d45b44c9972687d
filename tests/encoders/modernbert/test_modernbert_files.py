"""Its files: one tensor holds several variables."""

import numpy as np
import pytest
import safetensors.numpy

from tfbert.checkpoints import open_checkpoint
from tfbert.encoders import families
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import CheckpointError


@pytest.fixture
def modern(tmp_path):
    """A folder of a ModernBERT, and its encoder."""
    config = families.config_of_size("tiny", model_type="modernbert", vocab_size=10)
    encoder = families.encoder_of(config, name="encoder")
    encoder.build()
    encoder.save(tmp_path)
    return tmp_path, encoder


def test_parts_are_written_as_one_tensor_and_read_again(modern):
    folder, encoder = modern
    stored = safetensors.numpy.load_file(folder / "model.safetensors")
    query, key, value = (
        np.asarray(getattr(encoder.blocks[1].attention, part).kernel) for part in ("query", "key", "value")
    )
    np.testing.assert_array_equal(stored["model.layers.1.attn.Wqkv.weight"], np.concatenate([query, key, value], 1).T)
    assert not [name for name in stored if "layers.0.attn_norm" in name or name.endswith("bias")]
    source = open_checkpoint(folder)
    for name, variable in relative_variables(encoder).items():
        np.testing.assert_array_equal(source.value(name), variable)


def test_a_tensor_without_such_parts_is_named(modern):
    folder, _ = modern
    stored = safetensors.numpy.load_file(folder / "model.safetensors")
    stored["model.layers.1.attn.Wqkv.weight"] = np.ones((100, 128), "float32")
    safetensors.numpy.save_file(stored, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"Wqkv.weight has the shape \[100, 128\].*asks for \[384, 128\]"):
        open_checkpoint(folder)
