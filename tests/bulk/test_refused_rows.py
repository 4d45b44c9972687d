"""`report_bad_rows` answers a line that its file's reader refuses as it answers a row that the task does."""

import json

import pytest

from tfbert.bulk.predict import answered, check_first, predict_into
from tfbert.data import Table, stream
from tfbert.errors import DataError

LINES = ['{"text": "where is it"', '{"text": "refund"}', '{"text": null}', "[]", '{"text": "late"}', "", "{", "{"]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{line}\n" for line in LINES))
    return path


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("most_rows", [1, 2, 100])
def test_each_line_has_its_answer(model, data, tmp_path, most_rows):
    def tables():
        return check_first(stream(data, bad_rows="report", most_rows=most_rows), model.task)

    out, counted = tmp_path / "answers.jsonl", []
    rows = predict_into(out, model, tables(), report_bad_rows=True, after_table=lambda n, _: counted.append(n))
    assert rows == sum(counted) == 7  # an empty line is none
    answers = read(out)
    assert [answer.get("text") for answer in answers] == [None, "refund", None, None, "late", None, None]
    wanted = ["line 1", None, "line 3", "line 4", None, "line 7", "line 8"]
    for answer, where in zip(answers, wanted, strict=True):
        assert ("label" in answer) if where is None else f"rows.jsonl, {where}" in answer["error"]


def test_an_interrupted_file_resumes_and_a_changed_fault_is_seen(model, data, tmp_path):
    def tables(broken_at=None):
        for i, table in enumerate(stream(data, bad_rows="report", most_rows=2)):
            if i == broken_at:
                raise InterruptedError
            yield table

    out, done = tmp_path / "answers.jsonl", []
    with pytest.raises(InterruptedError):
        predict_into(out, model, tables(1), report_bad_rows=True)
    predict_into(out, model, tables(), report_bad_rows=True, after_table=lambda *rows: done.append(rows))
    assert done[0] == (3, 3) and done[1][1] == 0
    with pytest.raises(InterruptedError):
        predict_into(out, model, tables(1), report_bad_rows=True)
    data.write_text(data.read_text().replace('{"text": "where is it"\n', "\n[2]\n"))
    done.clear()
    predict_into(out, model, tables(), report_bad_rows=True, after_table=lambda *rows: done.append(rows))
    assert done[0] == (3, 0)
    assert "line 2" in read(out)[0]["error"]


def test_a_file_of_which_no_line_can_be_read_stops(model, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("{\n" * 3)
    with pytest.raises(DataError, match=r"rows\.jsonl, line 1"):
        list(check_first(stream(path, bad_rows="report"), model.task))


def test_a_table_without_refused_rows_is_as_before(model):
    (answer,) = answered(model, Table.from_columns({"text": ["late"]}), report_bad_rows=True)
    assert answer["text"] == "late" and "error" not in answer
