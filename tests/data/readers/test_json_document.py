"""JSON in its shapes: lines, arrays, objects with rows in them, over one line or many, cut or whole."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.data import read, stream
from tfbert.data.readers import json_text
from tfbert.errors import DataError, RowError

ROWS = [{"text": "a [film", "label": 1, "meta": {"id": "x"}}, {"text": 'dull "}', "label": 0, "meta": {"id": "y"}}]
COLUMNS = {name: {str(i): row[name] for i, row in enumerate(ROWS)} for name in ROWS[0]}
SPLIT = {"columns": list(ROWS[0]), "index": [0, 1], "data": [list(row.values()) for row in ROWS]}
FIELDS = {"schema": {"fields": [{"name": "text"}], "pandas_version": "1"}, "data": ROWS}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="a.json"):
        (tmp_path / name).write_text(text, newline="")
        return name

    return write


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "document", [ROWS, COLUMNS, SPLIT, FIELDS, {"0": ROWS[0], "1": ROWS[1]}, {"version": 2, "examples": ROWS}]
)
def test_documents(write, document, indent):
    assert list(read(write(json.dumps(document, indent=indent)))) == ROWS
    assert [len(table) for table in stream("a.json", most_rows=1)] == [1, 1]


def test_lines_and_objects_over_many_lines(write):
    assert list(read(write("".join(json.dumps(row) + "\n" for row in ROWS)))) == ROWS
    pretty = "\n".join(json.dumps(row, indent=2) for row in ROWS)
    table = read(write(pretty))
    assert list(table) == ROWS and list(table.line_numbers) == [1, 8]
    assert list(read(write(json.dumps(ROWS[0], indent=1)))) == ROWS[:1]
    assert list(read(write(json.dumps({"words": ["a"], "tags": ["O"]})))) == [{"words": ["a"], "tags": ["O"]}]


def test_rows_at_a_path(write):
    nested = {"data": {"items": [{"part": ROWS[:1]}, {"part": ROWS[1:]}]}, "more": [{"a": 1}]}
    assert list(read(write(json.dumps(nested)), format="json:data.items.part")) == ROWS
    table = read(write(json.dumps({"q1": ROWS[0], "q2": ROWS[1]}, indent=1)), format="json:*")
    assert list(table) == ROWS and table.column("meta.id") == ["x", "y"]
    assert table.row_name(1) == "a.json, row 2"
    with pytest.raises(DataError, match="no 'itmes' of the path 'data.itmes'; .* 'items'; did you mean 'items'?"):
        read(write(json.dumps(nested)), format="json:data.itmes")
    with pytest.raises(DataError, match="no 'x' of the path 'more.a.x' here"):
        read("a.json", format="json:more.a.x")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([["a", 1], ["b", 2]], "an array of arrays, whose columns have no names"),
        ({"train": ROWS, "test": ROWS}, "its rows may be in 'train', 'test'; give --format=json:train, in Python"),
        ({"data": ROWS, "rows": ROWS}, "may be in 'data', 'rows'"),
        ({"q1": ROWS[0], "q2": ROWS[1]}, r"give --format=json:\*, in Python"),
        ({"data": [{"qas": []}]}, "--format=squad"),
    ],
)
def test_objects_whose_rows_cannot_be_told(write, document, message):
    name = write(json.dumps({"name": "x", **document} if "data" in document and len(document) == 1 else document))
    with pytest.raises(DataError, match=f"^a.json: .*{message}"):
        read(name)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"title": "x", "spans": [{"a": 1}]}, "give --format=json:spans, .* write it in one line"),
        ({"text": ["a", "b"], "label": [1, 2]}, "one object of lists; .* orient='records'"),
    ],
)
def test_an_object_over_many_lines_that_may_be_a_row(write, document, message):
    with pytest.raises(DataError, match=f"^a.json: .*{message}"):
        read(write(json.dumps(document, indent=1)))
    assert list(read(write(json.dumps(document)))) == [document]  # as JSON lines


@pytest.mark.parametrize("array", [True, False])
def test_a_file_that_ends_too_soon(write, array):
    text = json.dumps(ROWS * 3, indent=1) if array else "\n".join(json.dumps(row, indent=1) for row in ROWS * 3)
    for end in range(len(text) - 40, len(text) - (1 if array else 2), 3):
        write(text[:end])
        with pytest.raises(
            DataError, match=r"^a.json, line \d\d, column \d+: not JSON: .*ends too soon, copy it again"
        ):
            read("a.json", bad_rows="skip")
    lines, (column) = text[:-9].count("\n") + 1, len(text[:-9].rsplit("\n", 1)[1])
    write(text[:-9])
    with pytest.raises(
        DataError, match=rf"line {lines}, column {column + 1 - len(text[:-9]) + len(text[:-9].rstrip())}"
    ):
        read("a.json")


def test_faults_within(write):
    with pytest.raises(DataError, match="a.json, line 2, column 8: not JSON: Expecting value$"):
        read(write('[{"a": 1},\n {"a": }]'))
    with pytest.raises(DataError, match="a.json, line 1, column 11: not JSON: a comma or ] must follow"):
        read(write('[{"a": 1} {"a": 2}]'))
    with pytest.raises(DataError, match="a.json, line 2, column 1: not JSON: more text follows the array"):
        read(write('[{"a": 1}]\n{"a": 2}'))
    with pytest.raises(DataError, match="a.json: the file is empty"):
        read(write("[]"))
    with pytest.raises(DataError, match="nested too deep"):
        read(write("[" * 100_000))
    with pytest.raises(RowError, match="a.json, line 2: not a JSON object"):
        read(write('[{"a": 1},\n7, {"a": 2}]'))
    table = read("a.json", bad_rows="skip")
    assert table.column("a") == [1, 2] and table.bad_rows.counts() == {"no JSON object": 1}
    table = read(write('{"text": \n{"text": "b"}\n{"text": "c"}\n'), bad_rows="skip")
    assert table.column("text") == ["b", "c"] and len(table.bad_rows) == 1


def test_an_array_is_read_in_constant_memory(write, monkeypatch):
    longest = 0
    text = json_text._Text

    class Watched(text):
        def _more(self, size):
            nonlocal longest
            found = super()._more(size)
            longest = max(longest, len(self._text))
            return found

    monkeypatch.setattr(json_text, "_Text", Watched)
    rows = [{"text": f"text {i}" * 10} for i in range(20_000)]
    name = write("[" + ",\n".join(map(json.dumps, rows)) + "]")
    assert [row for table in stream(name) for row in table] == rows
    assert 0 < longest < 200_000 < len(json.dumps(rows))


any_row = st.dictionaries(
    st.sampled_from("abc"),
    st.none() | st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=2), max_size=2),
    min_size=1,
)


@settings(deadline=None, max_examples=150)
@given(
    rows=st.lists(any_row, min_size=2, max_size=6),
    indent=st.sampled_from([None, 0, 2]),
    size=st.integers(1, 30),
    array=st.booleans(),
    blank=st.sampled_from(["\n", "\r\n", "\n\n  "]),
)
def test_any_rows_and_any_cut(rows, indent, size, array, blank):
    if array:
        text = json.dumps(rows, indent=indent)
    else:
        text = blank.join(json.dumps(row, indent=indent) for row in rows)
    lines = [line + "\n" for line in text.replace("\r", "").split("\n")]
    before, json_text._CHARACTERS = json_text._CHARACTERS, size
    try:
        values = list(json_text.json_values(lines, "a.json"))
    finally:
        json_text._CHARACTERS = before
    assert [value.value for value in values] == rows
    if not array:
        starts = [i for i, line in enumerate(lines, 1) if line.lstrip(" ").startswith("{")]
        assert [value.line for value in values] == starts
