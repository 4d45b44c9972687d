"""`LABEL text` lines of TREC, and fastText's `__label__` lines."""

import pytest

from tfbert.data import read, stream
from tfbert.errors import ConfigError, DataError, RowError


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, text, encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return name

    return write


def test_trec(write):
    lines = "DESC:manner How did serfdom develop ?\r\n\r\nENTY:cremat Who wrote caf\u00e9 ?\r\n1\tfine  text\nx a\tb"
    table = read(write("train_5500.label", lines, "latin-1"), encoding="latin-1")
    assert table.columns == {
        "label": ["DESC:manner", "ENTY:cremat", "1", "x"],
        "coarse_label": ["DESC", "ENTY", "1", "x"],
        "text": ["How did serfdom develop ?", "Who wrote caf\u00e9 ?", "fine  text", "a\tb"],
    }
    assert list(table.line_numbers) == [1, 3, 4, 5]
    with pytest.raises(DataError, match="line 3, .*: give --encoding=latin-1"):
        read("train_5500.label")


def test_trec_faults(write):
    name = write("a.txt", "A a text\nB\n no label\nC \nD d")
    with pytest.raises(RowError, match="a.txt, line 2: 'B' is not a label, a space and a text"):
        read(name, format="trec")
    table = read(name, format="trec", bad_rows="skip")
    assert table.column("label") == ["A", "D"] and table.bad_rows.counts() == {"a label or a text alone": 3}
    with pytest.raises(ConfigError, match="leave out column_names"):
        read(name, format="trec", column_names=["a"])


def test_fasttext_with_one_label(write, caplog):
    name = write("train.ft.txt", "__label__2 Great CD: my\n\n__label__1  bad __labels\n")
    table = read(name)
    assert table.columns == {"label": ["2", "1"], "text": ["Great CD: my", "bad __labels"]}
    assert list(table.line_numbers) == [1, 3]
    assert read(name, format="txt").column("text")[0] == "__label__2 Great CD: my"


def test_fasttext_with_several_labels_and_none(write):
    lines = ["__label__a x", "__label__a\t__label__b-c y", "z"]
    table = read(write("cooking.train", "\n".join(lines)), format="fasttext")
    assert table.columns == {"label": [["a"], ["a", "b-c"], None], "text": ["x", "y", "z"]}
    with pytest.raises(DataError, match="cooking.train, line 3: no 'label' here"):
        table.column("label")
    assert [row for rows in stream("cooking.train", format="fasttext", most_rows=1) for row in rows] == [
        {"label": "a", "text": "x"},
        {"label": ["a", "b-c"], "text": "y"},
        {"text": "z"},
    ]


def test_fasttext_faults(write):
    lines = ["__label__a x", "__label__b", "__label__ y", "__label__a y __label__b", "__label__b z"]
    with pytest.raises(RowError, match="a.ft, line 2: no text after its labels"):
        read(write("a.ft", "\n".join(lines)))
    table = read("a.ft", bad_rows="skip")
    assert table.columns == {"label": ["a", "b"], "text": ["x", "z"]}
    assert table.bad_rows.counts() == {"no text": 1, "an empty label": 1, "a label within the text": 1}
