"""The pipeline in one process, by a Beam runner that starts no others; tests/launch has the processes."""

import gzip
import json
import tempfile

import pytest

pytest.importorskip("apache_beam")

from tfbert.data.pretraining.examples import pipeline
from tfbert.data.pretraining.examples.plan import find_files
from tfbert.data.pretraining.examples.settings import ExampleSettings
from tfbert.errors import ConfigError, DataError, DiskError, VocabularyError
from tfbert.text import Tokenizer, Vocabulary

RUNNER = "BundleBasedDirectRunner"


def make(pattern, tokenizer, out, runner=RUNNER, beam_options=(), **settings):
    settings = ExampleSettings(**{"max_length": 48, "shard_bytes": 8_000, **settings})
    return pipeline.make_examples(
        find_files([str(pattern)]), settings, tokenizer, out, runner=runner, beam_options=beam_options
    )


def test_all_items_and_then_the_manifest(corpus, tokenizer, tmp_path):
    manifest = make(corpus / "*.txt", tokenizer, tmp_path / "out")
    assert manifest == json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["counts"]["documents"] == 80
    assert len(manifest["shards"]) == 4
    assert manifest["words"] == "wordpiece"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "manifest.json",
        *(shard["file"] for shard in manifest["shards"]),
    }
    assert make(corpus / "*.txt", tokenizer, tmp_path / "out") == manifest


def test_what_a_kill_leaves_in_tmpdir_is_found_again(corpus, tokenizer, tmp_path, monkeypatch):
    """Beam's own folder is in one of ours, which the next start removes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = []

    def run(*_):
        left.extend(path.relative_to(tmp_path).parts for path in tmp_path.rglob("*beam-pipeline*"))
        raise DataError("as if killed")

    monkeypatch.setattr(pipeline, "_run", run)
    with pytest.raises(DataError, match="as if killed"):
        make(corpus / "*.txt", tokenizer, tmp_path / "out")
    ((ours, _),) = left
    assert ours.startswith(".tfbert.")


def test_a_fault_in_a_worker_is_told_as_it_was(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"t1 t2\n\nt3 \xe9\n")
    with pytest.raises(DataError, match=r"^\S*a\.txt, line 3, byte 4 of the line: 0xe9 is not UTF-8; save"):
        make(tmp_path / "a.txt", tokenizer, tmp_path / "out", words="wordpiece")
    assert not (tmp_path / "out").exists()
    (tmp_path / "a.txt").write_bytes(b"\n")
    with pytest.raises(DataError, match="^there is no text in the corpus$"):
        make(tmp_path / "a.txt", tokenizer, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_finished_stays_when_another_file_is_at_fault(corpus, tokenizer, tmp_path):
    (tmp_path / "a.txt").write_bytes((corpus / "a.txt").read_bytes())
    (tmp_path / "z.txt").write_bytes(b"t1 t2\n\n" * 2_000 + b"\xe9")
    with pytest.raises(DataError, match=r"z\.txt, line 4001"):
        make(tmp_path / "*.txt", tokenizer, tmp_path / "out", words="wordpiece")
    (tmp_path / "z.txt").write_bytes(b"t1 t2\n\n" * 2_000)
    manifest = make(tmp_path / "*.txt", tokenizer, tmp_path / "out", words="wordpiece")
    assert manifest["counts"]["documents"] == 2_040


def test_an_unforeseen_error_keeps_its_traceback(corpus, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.ShardMaker, "__call__", lambda self, item: 1 / 0)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        make(corpus / "a.txt", tokenizer, tmp_path / "out")


def test_a_worker_that_was_ended_as_it_wrote_leaves_nothing(corpus, tokenizer, tmp_path, monkeypatch):
    half = tmp_path / "out/unfinished/aside.0.00001-000.tfrecord.gz"

    def killed(*_):
        (tmp_path / "out/a.tfrecord.gz").touch()  # or the folder would go
        half.write_bytes(b"half a shard")
        raise DataError("z.txt, line 1")

    monkeypatch.setattr(pipeline, "_run_here", killed)
    with pytest.raises(DataError, match="line 1"):
        make(corpus / "a.txt", tokenizer, tmp_path / "out", runner=None)
    assert not half.exists()
    assert (half.parent / "settings.json").exists()


def test_another_program_makes_examples_there(corpus, tokenizer, tmp_path):
    half = tmp_path / "out/unfinished/aside.0.00001-000.tfrecord.gz"
    folder = pipeline.OutFolder(tmp_path / "out")
    with folder.locked():
        half.parent.mkdir()
        half.write_bytes(b"half a shard")
        with pytest.raises(DiskError, match="another program is making examples in .*out; wait for it"):
            make(corpus / "a.txt", tokenizer, tmp_path / "out")
        assert half.exists()
    half.unlink()
    half.parent.rmdir()
    assert make(corpus / "a.txt", tokenizer, tmp_path / "out")["shards"]


def test_mistakes_before_anything_is_written(corpus, tokenizer, tmp_path):
    out = tmp_path / "out"
    no_mask = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "t1"], "vocab.txt"))
    with pytest.raises(VocabularyError, match=r"vocab\.txt has no \[MASK\], which pretraining needs"):
        make(corpus / "a.txt", no_mask, out)
    with pytest.raises(ConfigError, match="Apache Beam: .*FlunkRunner"):
        make(corpus / "a.txt", tokenizer, out, runner="FlunkRunner")
    assert not out.exists()


def test_chinese_text_gets_chinese_words(tokenizer, tmp_path):
    pytest.importorskip("jieba")
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"我爱北京大学。"])
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("我爱北京大学。北京大学。\n\n".encode() * 9))
    manifest = make(tmp_path / "a.txt.gz", Tokenizer(vocabulary), tmp_path / "out")
    assert manifest["words"] == "jieba"


def test_jieba_that_is_not_installed(tokenizer, corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jieba", None)
    with pytest.raises(ConfigError, match=r"pip install jieba"):
        make(corpus / "a.txt", tokenizer, tmp_path / "out", words="jieba")
    assert not (tmp_path / "out").exists()
