"""`stream(..., bad_rows="report")`: where rows that cannot be read stood among the others."""

import json

import pytest

from tfbert.data import read, stream
from tfbert.errors import ConfigError, DataError, RowError

CONLLU = "1\t{0}\t{0}\tNOUN\t_\t_\t0\troot\t_\t_\n\n"


def squad(*questions):
    asked = [{"id": text, "question": text, "answers": [{"text": "Rome", "answer_start": 0}]} for text in questions]
    for question in asked:
        if question["id"] == "BAD":
            question["answers"] = 7
    return json.dumps({"data": [{"paragraphs": [{"context": "Rome is old.", "qas": asked}]}]})


def race(*names):
    articles = [{"id": name, "article": name, "questions": ["Is _ ."], "options": [["a", "b"]]} for name in names]
    return "".join(json.dumps({"article": 1} if one["id"] == "BAD" else one) + "\n" for one in articles)


def semeval(*names):
    records = []
    for number, name in enumerate(names, 1):
        relation = "" if name == "BAD" else "Other\n"
        records.append(f'{number}\t"<e1>{name}</e1> in <e2>z</e2>"\n{relation}Comment:\n\n')
    return "".join(records)


# Of each format: its file of the rows a, BAD, b, c, BAD, d, BAD, and the column that says which one a row is.
NAMES = ("a", "BAD", "b", "c", "BAD", "d", "BAD")
FILES = {
    "rows.tsv": ("text\tid\n" + "".join("BAD\n" if name == "BAD" else f"{name}\t1\n" for name in NAMES), "text"),
    "rows.csv": ("text,id\n" + "".join("BAD\n" if name == "BAD" else f'"{name}",1\n' for name in NAMES), "text"),
    "rows.jsonl": ("".join("{BAD\n" if name == "BAD" else f'{{"text": "{name}"}}\n' for name in NAMES), "text"),
    "rows.json": (json.dumps([7 if name == "BAD" else {"text": name} for name in NAMES]), "text"),
    "rows.ft": ("".join("__label__x\n" if name == "BAD" else f"__label__x {name}\n" for name in NAMES), "text"),
    "rows.label": ("".join("BAD\n" if name == "BAD" else f"DESC:x {name}\n" for name in NAMES), "text"),
    "rows.conll": ("".join("a\n\n" if name == "BAD" else f"{name} O\n\n" for name in NAMES), "words"),
    "rows.conllu": ("".join("BAD\n\n" if name == "BAD" else CONLLU.format(name) for name in NAMES), "words"),
    "squad": (squad(*NAMES), "id"),
    "race": (race(*NAMES), "id"),
    "semeval": (semeval(*NAMES), "text"),
}


@pytest.mark.parametrize("most_rows", [1, 2, 100])
@pytest.mark.parametrize("name", FILES)
def test_each_bad_row_is_reported_in_its_place(name, most_rows, tmp_path):
    content, column = FILES[name]
    path = tmp_path / name
    path.write_text(content)
    format = None if "." in name else name
    with pytest.raises(DataError):
        list(stream(path, format=format))
    found = []
    for table in stream(path, format=format, bad_rows="report", most_rows=most_rows):
        assert len(table) <= most_rows
        rows = [str(row) for row in table.columns.get(column, [])]
        for place, error in reversed(table.refused):
            assert isinstance(error, RowError) and name in str(error)
            rows.insert(place, "BAD")
        found += rows
    assert [
        next((n for n in NAMES if n == row or f"'{n}'" in row or f">{n}<" in row or row.startswith(f"{n} ")), row)
        for row in found
    ] == [*NAMES]


def test_brat(tmp_path):
    for number, mark in enumerate(("T1\tperson 0 3\tAda\n", "T1 BAD\n", "T1\tperson 0 3\tAda\n", "T1 BAD\n")):
        (tmp_path / f"{number}.txt").write_text("Ada saw Rome.")
        (tmp_path / f"{number}.ann").write_text(mark)
    (table,) = stream(tmp_path, format="brat", bad_rows="report")
    assert table.column("id") == ["0", "2"]
    assert [place for place, _ in table.refused] == [1, 2]


def test_no_row_at_all_can_be_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("{\n{\n")
    (table,) = stream(path, bad_rows="report")
    assert len(table) == 0 and len(table.refused) == 2


def test_it_is_of_streams_alone(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{\n')
    (table,) = stream(path, bad_rows="skip")
    assert table.refused == []
    with pytest.raises(ConfigError, match="bad_rows is 'report'; it is error or skip"):
        read(path, bad_rows="report")
