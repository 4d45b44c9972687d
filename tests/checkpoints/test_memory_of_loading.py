"""Loading a checkpoint takes at most twice the memory of its file, and 100 MB."""

import json

import memory_growth
import numpy as np
import pytest
import safetensors.numpy
import small
import torch_files

from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert

pytestmark = pytest.mark.slow
CONFIG = {
    **small.CONFIG,
    "hidden_size": 512,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "intermediate_size": 2048,
    "vocab_size": 20_000,
}
FORMATS = ("safetensors", "shards", "torch", "torch_legacy", "tf1", "model_garden", "keras_hub")


def folder_of(path, config, form):
    """A folder of a network with random weights, in a format."""
    tokens = [*small.TOKENS, *(f"token{i}" for i in range(config["vocab_size"] - len(small.TOKENS)))]
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    (path / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    tensors = small.tensors(config)
    if form == "torch":
        torch_files.write_zip(path / "pytorch_model.bin", tensors)
    elif form == "torch_legacy":
        torch_files.write_legacy(path / "pytorch_model.bin", tensors)
    elif form == "shards":
        names = np.array_split(list(tensors), 4)
        places = {name: f"model-{i}.safetensors" for i, part in enumerate(names) for name in part.tolist()}
        for i, part in enumerate(names):
            safetensors.numpy.save_file(
                {name: tensors[name] for name in part.tolist()}, path / f"model-{i}.safetensors"
            )
        (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    else:
        safetensors.numpy.save_file(tensors, path / "model.safetensors")
    if form not in ("safetensors", "shards", "torch", "torch_legacy"):
        convert(open_checkpoint(path), form, path / "made")
        return path / "made"
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_loading_takes_twice_the_file_at_most(form, tmp_path):
    warm = folder_of(tmp_path / "warm", small.CONFIG, form)
    path = folder_of(tmp_path / "large", CONFIG, form)
    size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    assert 180e6 < size < 250e6
    for reader in ("values", "encoder") if form in ("safetensors", "tf1") else ("values",):
        grown = memory_growth.growth(reader, warm, path)
        print(f"{form} {reader}: {size / 1e6:.0f} MB, {grown / 1e6:.0f} MB")
        assert grown <= 2 * size + 100e6, (form, reader)
