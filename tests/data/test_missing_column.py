"""A missing column: what the file has, what is meant, and the flag; dotted names of values in objects."""

import pytest

from tfbert.data import Table, read
from tfbert.errors import DataError
from tfbert.tasks.classification.examples import OTHER_NAMES
from tfbert.tasks.columns import column_name


def message(table, part, columns=None, other_names=OTHER_NAMES):
    with pytest.raises(DataError) as error:
        table.column(column_name(part, table, columns or {}, other_names))
    return str(error.value)


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def table(content, name="a.csv", **arguments):
        (tmp_path / name).write_text(content)
        return read(name, **arguments)

    return table


@pytest.mark.parametrize(
    ("header", "part", "columns", "flag"),
    [
        ("text,category", "label", {}, "did you mean 'category'? Then give --label_column=category, in Python"),
        ("text,lable", "label", {}, "did you mean 'lable'? Then give --label_column=lable,"),
        ("text,category", "label", {"label": "categroy"}, "'categroy'; the columns are 'text', 'category'; did you"),
        ("id,Review", "text", {}, "Then give --text_column=Review, in Python columns={'text': 'Review'}"),
        ("text,second text", "text_pair", {}, "Then give '--text_pair_column=second text', in Python"),
        ("tokens,ner", "tags", {}, "Then give --config.columns.tags=ner, in Python columns={'tags': 'ner'}"),
        ("aa,bb,cc", "label", {}, "the columns are 'aa', 'bb', 'cc'; name the one to read by --label_column=NAME, in"),
    ],
)
def test_the_flag_is_named(table, header, part, columns, flag):
    rows = table(f"{header}\nx,y{',z' if header.count(',') > 1 else ''}\n")
    column_name("text", rows, {}, OTHER_NAMES)
    found = message(rows, part, columns)
    assert flag in found
    assert "column_names" not in found and "header" not in found


def test_the_only_column_that_is_not_read_is_meant():
    table = Table.from_columns({"text": ["a"], "zz": ["b"]})
    column_name("text", table, {}, OTHER_NAMES)
    assert "--label_column=zz" in message(table, "label")


@pytest.mark.parametrize("content", ["a fine film,1\ndull,0\n", "a fine film,good\nno,bad\ndull,good\n"])
def test_column_names_are_named_where_the_header_is_a_row(table, content):
    found = message(table(content), "label")
    assert "the file seems to have no header line: name its columns by --column_names=A,B,…, in Python" in found


def test_csv_under_the_name_of_tsv(table):
    assert "are between tabs: --format=csv, in Python" in message(table("id,text\n1,dull\n", "a.tsv"), "text")
    assert "tabs" not in message(table("id;text\n1;dull;x\n", "a.csv", bad_rows="skip", column_names=["a"]), "text")


def test_empty_header_cells_at_the_end(table, caplog):
    """As SMS Spam is published."""
    spam = table("v1,v2,,,\nham,see you,,,\nspam,win now,,,\n")
    assert spam.columns == {"v1": ["ham", "spam"], "v2": ["see you", "win now"]}
    assert not caplog.messages
    assert "--label_column=v1" in message(spam, "label") and "--text_column=v2" in message(spam, "text")
    spam = table("v1\tv2\t\t\nham\tsee\t you\t\nspam\twin\t\t\nham\tI\t\tam\n", "a.tsv")
    assert spam.columns == {"v1": ["ham", "spam", "ham"], "v2": ["see", "win", "I"]}
    assert caplog.messages == [
        "a.tsv: 2 rows have text in columns that the header does not name; it is not read, first at a.tsv, line 2"
    ]


def test_values_in_objects(table):
    rows = '{"meta": {"text": "a", "n": 1}, "c": [{"t": "x"}, {"t": "y"}]}\n{"meta": {"text": "b"}, "c": []}\n'
    nested = table(rows, "a.jsonl", required=["meta.text"])
    assert nested.column(column_name("text", nested, {"text": "meta.text"}, OTHER_NAMES)) == ["a", "b"]
    assert nested.column("c.*.t") == nested.column("c.t") == [["x", "y"], []]
    name = column_name("label", nested, {"label": "meta.n"}, OTHER_NAMES)
    assert name in nested.columns
    with pytest.raises(DataError, match=r"a.jsonl, line 2: no 'meta.n' here"):
        nested.column(name)
    assert nested.select([0]).column("meta.n") == [1]
    with pytest.raises(DataError, match=r"no column 'meta.txt'; .* --text_column="):
        nested.column(column_name("text", nested, {"text": "meta.txt"}, OTHER_NAMES))
    assert table('{"a.b": 1, "a": {"b": 2}}\n', "b.jsonl").column("a.b") == [1]
    for deep, found in ((19, True), (900, False)):  # lists in lists, as deep as JSON is read
        held = '{"a": ' + "[" * deep + '{"b": 1}' + "]" * deep + "}\n"
        assert table(held, f"{deep}.jsonl").has_column("a.b") is found
