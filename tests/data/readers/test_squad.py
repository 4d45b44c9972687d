"""Documents of SQuAD and CMRC 2018 as tables."""

import gzip
import json

import pytest

from tfbert.data import read
from tfbert.data.readers.squad import answers_of, begins_squad, read_squad
from tfbert.errors import DataError

REAL = [  # file, questions, questions without an answer, most answers of a question
    ("qa/squad_v1.1/dev-v1.1.json.gz", 10_570, 0, 6),
    ("qa/squad_v2.0/dev-v2.0.rebuilt.json.gz", 11_873, 5_945, 6),
    ("qa/cmrc2018/dev.json.gz", 3_219, 0, 3),
]


@pytest.mark.parametrize(("path", "rows", "empty", "most"), REAL, ids=[case[0] for case in REAL])
def test_real_files_are_told_by_their_content(data_dir, path, rows, empty, most):
    table = read(data_dir(path))
    assert list(table.columns) == ["id", "question", "context", "answers", "is_impossible"]
    assert len(table) == len(set(table.column("id"))) == rows
    answers = table.column("answers")
    assert sum(not row for row in answers) == sum(table.column("is_impossible")) == empty
    assert max(map(len, answers)) == most
    assert all(set(answer) == {"text", "start"} for row in answers for answer in row)


def document(question=None, **changes):
    question = {"id": "q1", "question": "who?", "answers": [{"text": "Ann", "answer_start": 3}], **(question or {})}
    paragraph = {"context": "is Ann", "qas": [{key: value for key, value in question.items() if value != "gone"}]}
    article = {"title": "Names", "paragraphs": [{**paragraph, **changes.pop("paragraph", {})}]}
    return {"version": "1.1", "data": [{**article, **changes.pop("article", {})}], **changes}


def table_of(value):
    return read_squad([json.dumps(value)], "a.json")


def test_one_question():
    assert list(table_of(document())) == [
        {
            "id": "q1",
            "question": "who?",
            "context": "is Ann",
            "answers": [{"text": "Ann", "start": 3}],
            "is_impossible": False,
        }
    ]


def test_an_impossible_question_has_no_answers():
    row = next(iter(table_of(document({"is_impossible": True}))))
    assert (row["answers"], row["is_impossible"]) == ([], True)


def test_a_test_set_has_no_column_of_answers():
    assert list(table_of(document({"answers": "gone"})).columns) == ["id", "question", "context"]


def test_a_question_without_answers_among_others_is_named():
    both = document()
    both["data"] += document({"answers": "gone"})["data"]
    with pytest.raises(DataError, match="a.json, row 1: no 'answers' here, which other rows have"):
        table_of(both).column("answers")


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        (None, []),
        ("", []),
        ([], []),
        ("Ann", [("Ann", None)]),
        (["Ann", " "], [("Ann", None)]),
        ({"text": "Ann", "answer_start": 3}, [("Ann", 3)]),
        ([{"text": "Ann", "start": 3}], [("Ann", 3)]),
        ({"text": ["Ann", "is"], "answer_start": [3, 0]}, [("Ann", 3), ("is", 0)]),
        ({"text": [], "answer_start": []}, []),
    ],
)
def test_forms_of_answers(cell, wanted):
    assert [(answer["text"], answer["start"]) for answer in answers_of(cell, "a")] == wanted


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (3, 'row 7: an answer is a text, or an object with "text" and "answer_start", not 3'),
        ([{"start": 3}], "row 7: an answer is a text, or an object"),
        ([{"text": "Ann", "start": "3"}], "row 7: the start of an answer is a number of characters, not '3'"),
        ({"text": ["a", "b"], "answer_start": [0]}, "row 7: an answer has as many starts as texts"),
    ],
)
def test_cells_that_are_no_answers(cell, message):
    with pytest.raises(DataError, match=message):
        answers_of(cell, "row 7")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "a.json: must be an object with 'data', not list"),
        ({"version": "1"}, "a.json: no 'data' here; it has 'version'"),
        ({"data": []}, "a.json: no questions in it"),
        ({"data": {}}, "a.json: 'data' must be a list, not dict"),
        ({"data": [{"title": "Names"}]}, r"a.json, article 0 \(Names\): no 'paragraphs' here; it has 'title'"),
        (document(paragraph={"context": None}), r"a.json, article 0 \(Names\), paragraph 0: no 'context' here"),
        (document(paragraph={"context": 3}), "paragraph 0: 'context' must be a text, not int"),
        (document({"id": "gone"}), r"a.json, article 0 \(Names\), paragraph 0, question 0: no 'id' here"),
        (document({"question": "gone"}), "paragraph 0, question 0: no 'question' here"),
        (document({"answers": [3]}), "paragraph 0, question 'q1': an answer is a text, or an object"),
    ],
)
def test_documents_with_a_fault(value, message):
    with pytest.raises(DataError, match=f"^{message}" if message.startswith("a.json") else message):
        table_of(value)


def test_a_truncated_document(tmp_path):
    path = tmp_path / "train.json"
    text = json.dumps(document(), indent=1)
    path.write_text(text[:-30])
    with pytest.raises(DataError, match=r"train.json, line \d+, column \d+: not JSON: .*; the document ends too soon"):
        read(path)
    path.write_text(text[:20] + ";" + text[20:])
    with pytest.raises(DataError, match="line 2, column .* SQuAD is one JSON document"):
        read(path, format="squad")
    path.write_text("\n")
    with pytest.raises(DataError, match="train.json: the file is empty"):
        read(path, format="squad")
    with pytest.raises(DataError, match="nested too deep"):
        read_squad(["[" * 100_000], "a.json")


@pytest.mark.parametrize("indent", [None, 2])
def test_told_from_json_lines_by_its_begin(tmp_path, indent):
    path = tmp_path / "dev.json.gz"
    path.write_bytes(gzip.compress(json.dumps(document(), indent=indent).encode()))
    assert read(path).column("id") == ["q1"]
    with pytest.raises(DataError):
        read(path, format="jsonl").column("id")
    (tmp_path / "rows.json").write_text('{"data": [1, 2]}\n{"data": [3]}\n')
    assert read(tmp_path / "rows.json").column("data") == [[1, 2], [3]]
    assert begins_squad('{"data": [{"id": 3') and not begins_squad('{"text": "data", "data": [')
