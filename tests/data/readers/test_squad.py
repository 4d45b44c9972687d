"""Documents of SQuAD and CMRC 2018 as tables."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.data import read, stream
from tfbert.data.bad_rows import BadRows
from tfbert.data.readers.squad import answers_of, begins_squad, read_squad
from tfbert.errors import DataError, NoRowsError, RowError

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
        (float("nan"), []),
        (
            "{'text': array(['Ann', \"it's\"], dtype=object), 'answer_start': array([3, 0], dtype=int32)}",
            [("Ann", 3), ("it's", 0)],
        ),
        ("{'text': ['Ann'], 'answer_start': [3]}", [("Ann", 3)]),
        ('{"text": ["Ann"], "answer_start": [3]}', [("Ann", 3)]),
        ("[{'text': 'Ann', 'answer_start': 3}]", [("Ann", 3)]),
        ("{'text': array([], dtype=object), 'answer_start': array([], dtype=int32)}", []),
        ("['Ann']", [("['Ann']", None)]),
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
        ("{'text': ['Ann', ...", "row 7: an answer that is written as an object and cannot be read"),
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


def test_a_document_of_which_no_question_can_be_read(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(document({"question": 7})))
    for read_it in (read, lambda *args, **given: next(stream(*args, **given))):
        with pytest.raises(NoRowsError, match="no row of it can be read; the first: "):
            read_it(tmp_path / "a.json", bad_rows="skip")


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


@pytest.mark.parametrize("false", [False, "false", "False", "0", "no", 0, 0.0, None, ""])
@pytest.mark.parametrize("true", [True, "true", "TRUE", "1", "yes", 1])
def test_truth_in_any_form(false, true):
    both = document({"is_impossible": false})
    both["data"] += document({"is_impossible": true, "answers": []})["data"]
    table = table_of(both)
    assert table.column("is_impossible") == [False, True]
    assert table.column("answers") == [[{"text": "Ann", "start": 3}], []]


@pytest.mark.parametrize("value", ["perhaps", 2, [], {}])
def test_what_is_neither_true_nor_false_is_refused(value):
    with pytest.raises(RowError, match="question 'q1': is_impossible is .*, not true or false"):
        table_of(document({"is_impossible": value}))


def test_contradictions_are_counted(caplog):
    both = document({"is_impossible": "true"})
    both["data"] += document({"is_impossible": False, "answers": []})["data"] + document()["data"]
    assert table_of(both).column("answers") == [[], [], [{"text": "Ann", "start": 3}]]
    assert caplog.messages == [
        "a.json: 1 questions are impossible and have answers, which are left out, first at a.json, row 0",
        "a.json: 1 questions are not impossible and have no answer; they count as impossible, first at a.json, row 1",
    ]


def test_plausible_answers_are_no_answers(caplog):
    """As SQuAD 2.0's training file has them; a rebuilt one may leave out the empty answers."""
    plausible = {"plausible_answers": [{"text": "Ann", "answer_start": 3}], "is_impossible": True}
    for answers in ("gone", []):
        both = document({**plausible, "answers": answers})
        both["data"] += document()["data"]
        assert table_of(both).column("answers") == [[], [{"text": "Ann", "start": 3}]]
    assert table_of(document({**plausible, "answers": "gone"})).column("answers") == [[]]
    assert not caplog.messages


HEADS = [
    '{"version": 2.0, ',
    '{"version": null, "language": "de", ',
    '{"len": {"a": [1, 2]}, "license": "CC\\"BY", "version": ["1"], ',
    "\ufeff{ \n",
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("indent", [None, 1])
def test_documents_with_any_first_key(tmp_path, head, indent):
    text = head + json.dumps(document(), indent=indent).lstrip("{")
    (tmp_path / "dev.json").write_text(text, encoding="utf-8")
    assert begins_squad(text[: text.index("title") + 10])
    assert read(tmp_path / "dev.json").column("id") == ["q1"]


def test_articles_with_any_first_key(tmp_path):
    value = {"data": [{"source": "a book", "paragraphs": document()["data"][0]["paragraphs"]}]}
    (tmp_path / "dev.json").write_text(json.dumps(value))
    assert read(tmp_path / "dev.json").column("id") == ["q1"]
    for other in (
        '{"data": [{"id": 1, "text": "a"}]}',
        '{"data": [{"title": "a", "label": 1}]}',
        '{"data": 3}',
        "[1]",
        "{",
    ):
        assert not begins_squad(other)


def test_questions_with_their_context(tmp_path):
    """The form of the Hugging Face hub's export, which its examples of training read."""
    row = {"id": "q1", "title": "Names", "context": "is Ann", "question": "who?"}
    value = {"version": "0.1.0", "data": [{**row, "answers": {"text": ["Ann"], "answer_start": [3]}}]}
    (tmp_path / "dev.json").write_text(json.dumps(value))
    table = read(tmp_path / "dev.json")
    assert table.column("answers") == [[{"text": "Ann", "start": 3}]] and table.column("context") == ["is Ann"]


FAULTS = [{"id": "gone"}, {"question": 3}, {"answers": [3]}, {"is_impossible": "perhaps"}, {"answers": "Ann"}, {}]


@settings(deadline=None)
@given(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=9), st.booleans())
def test_rows_in_are_rows_out_and_rows_counted(faults, without_context):
    value = {"data": [article for fault in faults for article in document(fault)["data"]]}
    if without_context:
        value["data"][0]["paragraphs"][0]["context"] = None
    bad = BadRows("skip")
    table = read_squad([json.dumps(value)], "a.json", bad)
    good = [fault in ({}, {"answers": "Ann"}) for fault in faults]
    good[0] &= not without_context
    assert len(table) == sum(good) == len(table.columns["question"])
    assert len(table) + len(bad) == len(faults)
    assert set(bad.counts()) <= {"a question that cannot be read"}
