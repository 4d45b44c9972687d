"""TF1 folders with several steps, and vocabularies with empty lines."""

import shutil

import numpy as np
import pytest

from tfbert import SentenceEncoder
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.formats import google_tf1
from tfbert.checkpoints.weights import Weights
from tfbert.errors import CheckpointError, VocabularyError


class Halved(Weights):
    """Half of a checkpoint's weights: those of an earlier step."""

    def __init__(self, source):
        self.config, self.shapes, self.value = source.config, source.shapes, lambda name: source.value(name) / 2


@pytest.fixture
def steps(tiny_checkpoint, tmp_path):
    """A folder with two steps, whose weights differ, as a TF1 training leaves it."""
    source, folder = open_checkpoint(tiny_checkpoint), tmp_path / "several"
    shutil.copytree(tiny_checkpoint, folder, ignore=lambda *_: ["config.json", "model.safetensors"])
    for step, weights in ((1000, source), (20, Halved(source))):
        google_tf1.write_weights(folder, weights)
        for path in list(folder.glob("bert_model.ckpt.*")):
            path.rename(folder / path.name.replace("bert_model.ckpt", f"model.ckpt-{step}"))
    return folder


def values_of(folder):
    source = open_checkpoint(folder)
    return np.concatenate([source.value(name).ravel() for name in source.shapes])


def test_the_file_checkpoint_names_the_step(steps):
    values = {}
    for step in ("20", "1000"):
        for place in ("", "/another/machine/", "C:\\\\runs\\\\"):
            (steps / "checkpoint").write_text(
                f'model_checkpoint_path: "{place}model.ckpt-{step}"\nall_model_checkpoint_paths: "model.ckpt-20"\n'
            )
            assert f"model.ckpt-{step}:" in str(open_checkpoint(steps))
        values[step] = values_of(steps)
    assert values["1000"].any()
    np.testing.assert_array_equal(values["20"], values["1000"] / 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "holds several checkpoints, model.ckpt-1000, model.ckpt-20, and no file named checkpoint"),
        ('model_checkpoint_path: "model.ckpt-7"', "checkpoint names model.ckpt-7; the folder holds model.ckpt-1000"),
        ("step 20", "checkpoint names none; the folder holds"),
    ],
)
def test_without_a_step_that_is_named(steps, content, message):
    if content is not None:
        (steps / "checkpoint").write_text(content)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(steps)


def test_an_empty_last_line_of_a_vocabulary(tiny_checkpoint, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_checkpoint, folder)
    text = (folder / "vocab.txt").read_text()
    (folder / "vocab.txt").write_text(text + "\n\n")
    tokens = list(open_checkpoint(folder).tokenizer().vocabulary)
    assert tokens == text.splitlines()
    SentenceEncoder.from_checkpoint(folder)


def test_an_empty_line_among_others_is_named(tiny_checkpoint, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_checkpoint, folder)
    lines = (folder / "vocab.txt").read_text().splitlines()
    (folder / "vocab.txt").write_text("\n".join([*lines[:9], "", *lines[9:], ""]))
    with pytest.raises(VocabularyError, match=r"remove the blank lines of .*vocab.txt: 10$"):
        SentenceEncoder.from_checkpoint(folder)
