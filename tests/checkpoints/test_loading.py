"""What loading a checkpoint takes, and how its weights come to lie in the variables."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import memory as pages
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.formats.hugging_face import write_weights
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import CheckpointError

_MOST_MEMORY = 1.2  # of the model
# In a process of its own, after TensorFlow's start with a small model: the growth at its peak, in bytes.
LOAD = """
import pathlib, sys, tfbert
def memory(line):
    (row,) = (row for row in pathlib.Path("/proc/self/status").read_text().splitlines() if row.startswith(line))
    return int(row.split()[1]) << 10
tfbert.SentenceEncoder.from_checkpoint(sys.argv[1])
before = memory("VmRSS")
model = tfbert.SentenceEncoder.from_checkpoint(sys.argv[2])
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' /proc")
def test_peak_memory(network, tiny_checkpoint, tmp_path):
    words = (tiny_checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines()
    words += [f"word{i}" for i in range(30_522 - len(words))]
    large = network((), vocab_size=len(words), hidden_size=768, num_attention_heads=12, intermediate_size=3072)
    write_weights(tmp_path, large)
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    command = [sys.executable, "-c", LOAD, str(tiny_checkpoint), str(tmp_path)]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    size = (tmp_path / "model.safetensors").stat().st_size
    assert size > 140 << 20
    assert grown < _MOST_MEMORY * size


def test_two_models_of_a_checkpoint_share_nothing(minilm):
    """Weights go into variables without a copy; training one model leaves the other as it was."""
    one, other = (tfbert.SentenceEncoder.from_checkpoint(minilm) for _ in range(2))
    source = open_checkpoint(minilm)
    for variable in one.encoder.weights:
        variable.assign_add(tf.ones_like(variable.value))
    changed, kept = relative_variables(one.encoder), relative_variables(other.encoder)
    for name, variable in kept.items():
        np.testing.assert_array_equal(variable, source.value(name))
        np.testing.assert_array_equal(changed[name], source.value(name) + 1)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (0, 4)])
def test_pages(shape, dtype):
    array = pages.zeros(shape, dtype)
    assert array.shape == shape and array.dtype == dtype and not array.any()
    array[...] = 2
    tensor = pages.as_tensor(array)
    copy = pages.as_tensor(np.full(shape, 2, dtype))
    np.testing.assert_array_equal(copy, array)
    np.testing.assert_array_equal(tensor, array)
    del array  # the tensor keeps the memory
    assert tensor.shape == shape and (tensor.numpy() == 2).all()


@pytest.mark.parametrize("wrong", [True, 7, [1], "LABEL_0"])
def test_labels_that_are_no_object_are_named(network, wrong):
    source = network(("classifier",))
    source.values = {"id2label": wrong}
    with pytest.raises(CheckpointError, match="id2label must be an object"):
        source.label_names()
