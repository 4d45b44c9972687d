"""RACE's articles as tables."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfbert.data import read
from tfbert.data.bad_rows import BadRows
from tfbert.data.readers.race import read_race
from tfbert.errors import DataError

ARTICLE = {
    "answers": ["B", "A"],
    "options": [["new", "old"], ["a city", "a river"]],
    "questions": ["Rome is _ .", "What is Rome?"],
    "article": "Rome is an old city.",
    "id": "high1.txt",
}
COLUMNS = {
    "id": ["high1.txt"] * 2,
    "prompt": ["Rome is an old city. Rome is _ .", "Rome is an old city. What is Rome?"],
    "choices": [["new", "old"], ["a city", "a river"]],
    "label": ["B", "A"],
}


@pytest.mark.parametrize("name, indent", [("1.txt", None), ("1.json", None), ("1.json", 1), ("1.race", 2)])
def test_one_article(name, indent, tmp_path):
    (tmp_path / name).write_text(json.dumps(ARTICLE, indent=indent))
    assert read(tmp_path / name, format="race").columns == COLUMNS
    if indent is None:
        assert read(tmp_path / name).columns == COLUMNS  # as its first line shows


def test_articles_one_after_another_and_without_answers(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(ARTICLE) + "\n" + json.dumps(ARTICLE, indent=1))
    table = read(tmp_path / "a.jsonl", format="race")
    assert table.columns == {name: values * 2 for name, values in COLUMNS.items()}
    assert table.row_name(2).endswith("line 2")
    unanswered = {key: value for key, value in ARTICLE.items() if key != "answers"}
    assert "label" not in read_race([json.dumps(unanswered)], "a.json").columns


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"article": None}, "line 1: no text 'article' in an article as RACE has it"),
        ({"questions": "Rome?"}, "no list of texts 'questions'"),
        ({"options": [["new", "old"]]}, "not as many 'options' as questions"),
        ({"answers": ["A"]}, "not as many 'answers' as questions"),
    ],
)
def test_a_bad_article(changes, message):
    with pytest.raises(DataError, match=message):
        read_race([json.dumps({**ARTICLE, **changes})], "a.json")


FAULTS = {"no article as RACE has it": '{"article": "x"}\n', "no JSON": "{article\n", None: json.dumps(ARTICLE) + "\n"}


@given(st.lists(st.sampled_from(list(FAULTS)), max_size=20))
def test_articles_in_are_rows_out_and_rows_counted(kinds):
    kinds = [*kinds, None]
    bad_rows = BadRows("skip")
    table = read_race([FAULTS[kind] for kind in kinds], "a.json", bad_rows)
    assert len(table) == 2 * kinds.count(None)
    assert bad_rows.counts() == {kind: kinds.count(kind) for kind in set(kinds) - {None}}
