"""`tfbert convert` as a person runs it."""

import subprocess
import sys

import pytest

from tfbert.checkpoints import open_checkpoint


def run(*arguments):
    command = [sys.executable, "-m", "tfbert.launch.main", "convert", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def test_real_weights_go_out_and_come_back(minilm, tmp_path):
    result = run(f"--from={minilm}", "--to=tf1", f"--out={tmp_path / 'tf1'}")
    assert result.returncode == 0, result.stderr[-2000:]
    found, note, pooling, written = result.stdout.splitlines()
    assert found.startswith("found: sentence-transformers folder ")
    assert found.endswith("6 layers, hidden size 384, 30522 tokens; heads: none")
    assert note.startswith("note: Google's BERT computes GELU by tanh")
    lost = "pooling mean, normalize True, max_length 256"
    assert pooling == f"note: Google's BERT has no place for the sentence embedding's {lost}"
    assert written == f"{tmp_path / 'tf1'} is written (tf1)"
    source, again = open_checkpoint(minilm), open_checkpoint(tmp_path / "tf1")
    for variable in source.shapes:
        assert source.value(variable).tobytes() == again.value(variable).tobytes()


@pytest.mark.parametrize(
    ("name", "message"),
    [("ab/se/nt", "there is no folder ab/se/nt"), (".", "is no checkpoint that tfbert reads")],
)
def test_mistakes_are_told_in_one_line(name, message, tmp_path):
    name = tmp_path if name == "." else name
    result = run(f"--from={name}", "--to=hf", f"--out={tmp_path / 'out'}")
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
