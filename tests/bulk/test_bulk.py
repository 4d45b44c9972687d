"""Bulk inference: files of any size, interruptions at any place, bad rows, Beam; always the answers of `predict`."""

import errno
import fcntl
import gzip
import json
import pathlib

import apache_beam as beam
import keras
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.testing.util import assert_that

import tfbert
from tfbert.bulk.answers_file import AnswersFile
from tfbert.bulk.beam import Predict
from tfbert.bulk.columns import warn_of_unread
from tfbert.bulk.predict import answered, check_first, predict_into
from tfbert.data import Table, stream
from tfbert.errors import ConfigError, DataError, DiskError

TEXTS = ["where is my parcel", "", "refund please", "thank you so much for the fast answer", "late"] * 5
ROWS = [{"id": i, "text": text} for i, text in enumerate(TEXTS)]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def tables(path):
    return stream(path, most_rows=4)


def read(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("name", ["answers.jsonl", "new/folder/answers.jsonl.gz"])
def test_answers_are_those_of_predict_in_order(model, data, tmp_path, name):
    out = tmp_path / name
    assert predict_into(out, model, tables(data), keep=["id"]) == len(ROWS)
    rows = read(out)
    assert [{"id": row.pop("id"), "text": row.pop("text")} for row in rows] == ROWS
    for row, wanted in zip(rows, model.predict(TEXTS), strict=True):
        assert row["label"] == wanted["label"]
        np.testing.assert_allclose(list(row["probabilities"].values()), list(wanted["probabilities"].values()), 1e-5)
    assert [path.name for path in out.parent.iterdir() if ".part" in path.name] == []


class Interrupted(Exception):
    pass


def interrupted(model, path, out, tables_before, **settings):
    """A run that ends while it computes a table; the rest of its answers is not whole on the disk."""

    def some():
        for i, table in enumerate(tables(path)):
            if i == tables_before:
                raise Interrupted
            yield table

    with pytest.raises(Interrupted):
        predict_into(out, model, some(), **settings)


def computed(model, path, out, monkeypatch, **settings):
    """How many rows a run computes."""
    counts, predict = [], type(model).predict
    monkeypatch.setattr(
        type(model), "predict", lambda self, x, **kw: (counts.append(len(x)), predict(self, x, **kw))[1]
    )
    predict_into(out, model, tables(path), **settings)
    monkeypatch.undo()
    return sum(counts)


@pytest.mark.parametrize("name", ["answers.jsonl", "answers.jsonl.gz"])
@pytest.mark.parametrize("tables_before", [0, 1, 5])
def test_goes_on_where_it_was_interrupted(model, data, tmp_path, monkeypatch, name, tables_before):
    whole, out = tmp_path / f"whole.{name}", tmp_path / name
    predict_into(whole, model, tables(data))
    interrupted(model, data, out, tables_before)
    assert not out.exists()
    # A machine that loses its power may leave half of an answer, and half of a line of the log.
    with open(f"{out}.part", "ab") as part, open(f"{out}.part.log", "a") as log:
        part.write(b'{"text": "whe')
        log.write("0123")
    assert computed(model, data, out, monkeypatch) == len(ROWS) - 4 * tables_before
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if ".part" in path.name) == []


def test_a_part_that_lost_its_end_is_computed_again(model, data, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "answers.jsonl"
    predict_into(whole, model, tables(data))
    interrupted(model, data, out, 3)
    part = pathlib.Path(f"{out}.part")
    part.write_bytes(part.read_bytes()[:-5])
    assert computed(model, data, out, monkeypatch) == len(ROWS) - 4 * 2
    assert out.read_bytes() == whole.read_bytes()


def test_rows_that_changed_are_computed_again_and_what_is_before_them_kept(model, data, tmp_path, monkeypatch):
    out = tmp_path / "answers.jsonl"
    interrupted(model, data, out, 4)
    changed = [{**row, "text": "refund"} if row["id"] == 9 else row for row in ROWS]
    data.write_text("".join(json.dumps(row) + "\n" for row in changed))
    assert computed(model, data, out, monkeypatch) == len(ROWS) - 4 * 2
    assert [row["text"] for row in read(out)] == [row["text"] for row in changed]


def test_rows_that_changed_are_told(tmp_path, caplog):
    first, second, other = (Table.from_columns({"text": [text]}, source="mine.txt") for text in "abc")
    with AnswersFile(tmp_path / "answers.jsonl", {}) as file:
        for table in (first, second):
            assert not file.has(table)
            file.append(b"{}\n")
    with AnswersFile(tmp_path / "answers.jsonl", {}) as file:
        assert file.has(first)
        assert not file.has(other)
    assert "rows of mine.txt have changed; 1 answered tables begin anew" in caplog.text


def test_fewer_rows_than_are_done(model, data, tmp_path, monkeypatch):
    out = tmp_path / "answers.jsonl"
    interrupted(model, data, out, 4)
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS[:8]))
    assert computed(model, data, out, monkeypatch) == 0
    assert len(read(out)) == 8


@pytest.mark.parametrize("what", ["weights", "settings", "keep"])
def test_answers_of_another_model_or_settings_do_not_count(model, tiny_checkpoint, data, tmp_path, monkeypatch, what):
    out = tmp_path / "answers.jsonl"
    interrupted(model, data, out, 4)
    other, settings = model, {}
    if what == "keep":
        settings = {"keep": ["id"]}
    else:
        keras.utils.set_random_seed(0 if what == "settings" else 1)
        labels = ["a", "c"] if what == "settings" else ["a", "b"]
        other = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=labels)
    assert computed(other, data, out, monkeypatch, **settings) == len(ROWS)


def test_another_program_that_writes_the_same_file_is_told_so(model, data, tmp_path):
    out = tmp_path / "answers.jsonl"
    with AnswersFile(out, {}) as first:
        first.has(Table.from_columns({"text": ["a"]}))
        first.append(b"kept\n")
        with pytest.raises(DiskError, match="another program is writing .*answers.jsonl"):
            predict_into(out, model, tables(data))
        first.finish()
    assert out.read_text() == "kept\n"
    predict_into(out, model, tables(data))
    assert len(read(out)) == len(ROWS)


def test_a_kept_column_takes_no_name_of_the_answer(model, monkeypatch):
    table = Table.from_columns({"text": ["late", "parcel"], "label": ["b", "a"], "review": ["x", "y"]})
    with pytest.raises(ConfigError, match="the answer has a 'label' of its own.*--keep=gold_label=label"):
        answered(model, table, keep=["label"])
    for keep in (["gold=label", "text"], {"gold": "label", "text": "text"}):
        rows = answered(model, table, keep=keep)
        assert [(row["gold"], row["text"]) for row in rows] == [("b", "late"), ("a", "parcel")]
        assert [row["label"] for row in rows] == [row["label"] for row in model.predict(["late", "parcel"])]
    before = model.task
    model.set_task(before.with_columns({"text": "review"}))
    with pytest.raises(ConfigError, match="the example has a 'text' of its own"):
        answered(model, table, keep=["text"])
    model.set_task(before)
    with pytest.raises(ConfigError, match="has a 'error' of its own"):
        answered(model, Table.from_columns({"text": ["a"], "error": [1]}), keep=["error"], report_bad_rows=True)


def test_a_collision_is_found_before_the_answers_are_computed(model, data, tmp_path, monkeypatch):
    data.write_text("".join(json.dumps({**row, "score": 1}) + "\n" for row in ROWS))
    monkeypatch.setattr(type(model), "predict", None)
    with pytest.raises(ConfigError, match="the answer has a 'score' of its own"):
        predict_into(tmp_path / "answers.jsonl", model, tables(data), keep=["score"])
    assert not (tmp_path / "answers.jsonl").exists()


def test_a_column_that_is_not_read_is_said_and_no_obstacle(model, caplog):
    table = Table.from_columns({"text": ["late"], "text_pair": ["parcel"]}, source="pairs.tsv")
    warn_of_unread(table, model.task)
    assert caplog.messages == ["pairs.tsv: the model was trained without 'text_pair', and does not read it"]
    assert len(answered(model, table)) == 1


def test_a_file_system_without_locks(model, data, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    predict_into(tmp_path / "answers.jsonl", model, tables(data))
    assert len(read(tmp_path / "answers.jsonl")) == len(ROWS)


def test_a_finished_file_is_replaced_when_the_new_one_is_whole(model, data, tmp_path):
    out = tmp_path / "answers.jsonl"
    out.write_text("old")
    interrupted(model, data, out, 2)
    assert out.read_text() == "old"
    predict_into(out, model, tables(data))
    assert len(read(out)) == len(ROWS)


def test_a_bad_row_stops_with_its_place_or_is_reported(model, data, tmp_path):
    out, rows = tmp_path / "answers.jsonl", [dict(row) for row in ROWS]
    rows[6]["text"], rows[17] = None, {"id": 17, "txt": "where"}
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"rows.jsonl, line 7: column 'text' holds null"):
        predict_into(out, model, tables(data))
    assert not out.exists()
    predict_into(out, model, tables(data), keep=["id"], report_bad_rows=True)
    answers = read(out)
    assert [row["id"] for row in answers] == list(range(len(ROWS)))
    assert {row["id"]: row["error"] for row in answers if "error" in row} == {
        6: f"{data}, line 7: column 'text' holds null, not a text",
        17: f"{data}, line 18: no 'text' here, which other rows have; this row has 'id', 'txt' (1 of 1 rows lack 'text')",
    }
    assert all(row["label"] in "ab" for row in answers if "error" not in row)


def test_a_table_of_bad_rows_alone_is_reported(model, data, tmp_path):
    out = tmp_path / "answers.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in [*ROWS[:4], {"id": 4, "text": None}]))
    assert predict_into(out, model, tables(data), report_bad_rows=True) == 5
    assert ["error" in row for row in read(out)] == [False] * 4 + [True]


def test_a_wrong_column_is_no_bad_row(model):
    table = Table.from_columns({"txt": TEXTS})
    with pytest.raises(DataError, match="no column 'text'.*did you mean 'txt'"):
        list(check_first([table], model.task))


def test_characters_that_are_none_in_a_kept_column(model, tmp_path):
    data, out = tmp_path / "rows.jsonl", tmp_path / "answers.jsonl"
    data.write_text('{"text": "late", "id": "\\ud800"}\n')
    predict_into(out, model, tables(data), keep=["id"])
    assert read(out)[0]["id"] == "\ud800"


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(model, data, tmp_path):
    out = tmp_path / "answers.jsonl"
    pathlib.Path(f"{out}.part").symlink_to("/dev/full")
    with pytest.raises(DiskError, match="could not write .*answers.jsonl: .*the same command resumes"):
        predict_into(out, model, tables(data))


@pytest.mark.parametrize("remote", [False, True])
def test_beam(model, tmp_path, remote):
    model.save(tmp_path / "run/model")
    folder = str(tmp_path / "run")
    if remote:
        folder = uploaded(tmp_path / "run", "ram://runs/mine")
    wanted = {row["id"]: row for row in answered(model, Table.from_columns(columns(ROWS)), keep=["id"])}

    def check(rows):
        assert len(rows) == len(ROWS)
        for row in rows:
            assert row["label"] == wanted[row["id"]]["label"] and row["text"] == wanted[row["id"]]["text"]
            np.testing.assert_allclose(row["score"], wanted[row["id"]]["score"], 1e-5)

    with beam.Pipeline() as pipeline:
        assert_that(pipeline | beam.Create(ROWS) | Predict(folder, keep=["id"]), check)


@pytest.mark.slow
def test_beam_copies_the_folders_of_modules(tiny_checkpoint, tmp_path):
    """What sentence-transformers wrote says its pooling in a folder within."""
    model = tfbert.SentenceEncoder.from_checkpoint(tiny_checkpoint, pooling="cls", dense_units=4)
    model.save(tmp_path / "mine")
    config = json.loads((tmp_path / "mine/config.json").read_text())
    config.pop("tfbert")
    (tmp_path / "mine/config.json").write_text(json.dumps(config))
    remote = uploaded(tmp_path / "mine", "ram://runs/embedder")

    def check(rows):
        np.testing.assert_allclose(rows[0]["embedding"], model.encode("late"), atol=1e-6)

    with beam.Pipeline() as pipeline:
        assert_that(pipeline | beam.Create(["late"]) | Predict(f"{remote}/", task="sentence-embedding"), check)


def test_beam_takes_texts_and_reports_rows(model, tmp_path):
    model.save(tmp_path / "mine")

    def check(rows):
        assert sorted("error" in row for row in rows) == [False, False, True]

    with beam.Pipeline() as pipeline:
        rows = pipeline | beam.Create(["late", {"text": "parcel"}, {"text": 3}])
        assert_that(rows | Predict(tmp_path / "mine", report_bad_rows=True), check)


def test_beam_takes_texts_whose_column_had_another_name_at_training(model, tmp_path):
    before = model.task
    model.set_task(before.with_columns({"text": "review"}))
    model.save(tmp_path / "mine")
    model.set_task(before)

    def check(rows):
        assert [row["text"] for row in rows] == ["late"]

    with beam.Pipeline() as pipeline:
        assert_that(pipeline | beam.Create(["late"]) | Predict(tmp_path / "mine"), check)


def columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


def uploaded(folder, remote):
    for path in (path for path in folder.rglob("*") if path.is_file()):
        to = f"{remote}/{path.relative_to(folder)}"
        tf.io.gfile.makedirs(to.rpartition("/")[0])
        tf.io.gfile.copy(str(path), to, overwrite=True)
    return remote
