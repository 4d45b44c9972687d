"""Tokenizer.from_checkpoint: the tokenizer of any checkpoint, equal to the one that its model has."""

import subprocess
import sys

import pytest

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.formats import keras_hub
from tfbert.errors import CheckpointError
from tfbert.text import Tokenizer

TEXTS = ["The red lamp, unaffable!", "Énormes 字"]


def test_a_hugging_face_folder(tiny_checkpoint):
    for name in (tiny_checkpoint, str(tiny_checkpoint)):
        got, expected = tfbert.Tokenizer.from_checkpoint(name), Tokenizer.from_folder(tiny_checkpoint)
        assert got.get_config() == expected.get_config()
        assert got(TEXTS)["token_ids"].numpy().tolist() == expected(TEXTS)["token_ids"].numpy().tolist()


def test_a_preset_of_keras_hub(tiny_checkpoint, tmp_path):
    rules = {"lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}
    expected = Tokenizer.from_config(Tokenizer.from_folder(tiny_checkpoint).get_config(), **rules)
    keras_hub.write_weights(tmp_path, open_checkpoint(tiny_checkpoint), expected)
    assert not (tmp_path / "vocab.txt").exists()
    got = tfbert.Tokenizer.from_checkpoint(tmp_path)
    assert got.get_config() == expected.get_config()


def test_a_google_folder(tiny_checkpoint, tmp_path):
    convert(open_checkpoint(tiny_checkpoint), "tf1", tmp_path / "google")
    got = tfbert.Tokenizer.from_checkpoint(tmp_path / "google")
    assert list(got.vocabulary) == list(Tokenizer.from_folder(tiny_checkpoint).vocabulary)


def test_nothing_there(tmp_path):
    with pytest.raises(CheckpointError, match="is no checkpoint that tfbert reads"):
        tfbert.Tokenizer.from_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="there is no folder"):
        tfbert.Tokenizer.from_checkpoint(tmp_path / "none")


def test_the_class_alone_reads_any_format_too(tiny_checkpoint):
    """Where nothing else of tfbert was imported before."""
    code = (
        "import sys; from tfbert.text import Tokenizer; assert 'tfbert.checkpoints' not in sys.modules; "
        f"Tokenizer.from_checkpoint({str(tiny_checkpoint)!r}); assert 'tfbert.checkpoints' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
