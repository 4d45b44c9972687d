"""How `evaluate`, `predict` and `export` read a file: as the run's files were read."""

import io
import json
import sys

import pytest
from absl import flags
from absl.testing import flagsaver

from tfbert import Tokenizer
from tfbert.bulk.columns import bare_texts, check_kept, kept_columns, text_column
from tfbert.data import Table
from tfbert.errors import ConfigError
from tfbert.launch import model_flags
from tfbert.tasks.classification.task import Classification
from tfbert.tasks.summarization.task import Summarization
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"]))
REVIEWS = Classification(TOKENIZER, labels=("x", "y"), columns={"text": "review"})
CONLL = "EU B-ORG\nrejects O\n\nPeter B-PER\n"


@pytest.fixture
def run(tmp_path):
    """run(**config): sets --model to the folder of a run with this config, and returns the folder."""
    flags.FLAGS.mark_as_parsed()

    def make(inner="", **config):
        folder = tmp_path / "run"
        (folder / "model").mkdir(parents=True, exist_ok=True)
        (folder / "model/config.json").write_text("{}")
        config = {"train": "train.tsv", "dev": "dev.tsv", "column_names": [], "format": "", **config}
        (folder / "config.json").write_text(json.dumps(config))
        return folder / inner

    yield make
    flags.FLAGS.unparse_flags()


def rows(model, source, task=REVIEWS, **given):
    with flagsaver.flagsaver(model=str(model), **given):
        return [row for table in model_flags.stream(str(source), task) for row in table]


def read(model, source, **given):
    with flagsaver.flagsaver(model=str(model), **given):
        return list(model_flags.read(str(source)))


@pytest.mark.parametrize("inner", ["", "model"])
def test_the_format_of_a_run_holds_in_every_command(run, tmp_path, caplog, inner):
    model = run(inner, train="eng.train", dev="eng.testa", format="conll")
    file = tmp_path / "eng.txt"
    file.write_text(CONLL)
    wanted = [["EU", "rejects"], ["Peter"]]
    assert [row["words"] for row in rows(model, file)] == wanted
    assert "is read as conll, as the run's files are; --format=txt reads a text a line" in caplog.text
    assert [row["words"] for row in read(model, file)] == wanted
    assert rows(model, file, format="txt")[0] == {"review": "EU B-ORG"}
    (tmp_path / "rows.jsonl").write_text('{"text": "EU"}\n')  # a suffix that says what is in the file
    assert rows(model, tmp_path / "rows.jsonl") == [{"text": "EU"}]


def test_a_run_on_text_files_of_another_format_warns_of_nothing(run, tmp_path, caplog):
    file = tmp_path / "eng.txt"
    file.write_text(CONLL)
    assert len(rows(run(train="eng.train.txt", dev="b.txt", format="conll"), file)) == 2
    assert not caplog.messages


def test_names_of_columns_are_those_of_the_run_where_a_file_has_none(run, tmp_path):
    model = run(train="train.data", column_names=["label", "review"], format="tsv")
    for name in ("a.tsv", "a.data"):
        (tmp_path / name).write_text("x\ta fine film\n")
        assert rows(model, tmp_path / name) == read(model, tmp_path / name) == [{"label": "x", "review": "a fine film"}]
    (tmp_path / "a.jsonl").write_text('{"review": "a"}\n')
    assert read(model, tmp_path / "a.jsonl") == rows(model, tmp_path / "a.jsonl") == [{"review": "a"}]
    assert read(model, tmp_path / "a.tsv", column_names=["y", "z"]) == [{"y": "x", "z": "a fine film"}]


@pytest.mark.parametrize("names", [[], ["label", "review"]])
def test_plain_text_is_the_text_whatever_its_name(run, tmp_path, monkeypatch, names):
    model = run(column_names=names)
    (tmp_path / "a.txt").write_text("a film\nb\n")
    assert rows(model, tmp_path / "a.txt") == [{"review": "a film"}, {"review": "b"}]
    for text, wanted in [
        (b"a film\n", {"review": "a film"}),
        (b'{"review": "a", "id": 3}\n', {"review": "a", "id": 3}),
    ]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        assert rows(model, "-") == [wanted]


def test_standard_input_is_text_and_says_so(run, monkeypatch, caplog):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"EU B-ORG\n")))
    assert rows(run(format="conll"), "-") == [{"review": "EU B-ORG"}]
    assert "standard input is read as a text a line; --format=conll" in caplog.text


def test_bare_texts():
    assert text_column(Summarization(TOKENIZER)) == "document"
    assert list(bare_texts(Table.from_columns({"text": ["a"]}), Summarization(TOKENIZER)).columns) == ["document"]
    two = Table.from_columns({"text": ["a"], "id": [1]})
    assert bare_texts(two, REVIEWS) is two


def test_what_is_kept_has_a_name_of_its_own():
    table = Table.from_columns({"text": ["a"], "label": ["x"], "a=b": [3]})
    assert kept_columns(table, ["text", "gold=label", "a=b"]) == {"text": ["a"], "gold": ["x"], "a=b": [3]}
    assert kept_columns(table, {"gold": "label"}) == {"gold": ["x"]}
    with pytest.raises(ConfigError, match="the answer has a 'label' of its own.*--keep=gold_label=label"):
        check_kept(kept_columns(table, ["label"]), {"label", "score"}, "the answer")
