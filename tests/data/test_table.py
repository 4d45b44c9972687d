import pytest

from tfbert.data.table import Table
from tfbert.errors import DataError


@pytest.fixture
def table():
    return Table.from_columns({"text": ["a", "b", "c"], "label": [0, 1, 0]})


def test_columns_rows_and_length(table):
    assert len(table) == 3
    assert table.column("label") == [0, 1, 0]
    assert list(table)[1] == {"text": "b", "label": 1}
    assert table.line_numbers is None
    assert table.row_name(2) == "memory, row 2"
    assert table.row_name(-1) == "memory, row 2"
    assert repr(table) == "<Table memory: 3 rows of 'text', 'label'>"


def test_from_columns_takes_arrays():
    np = pytest.importorskip("numpy")
    table = Table.from_columns({"text": np.array(["a", "é"]), "label": np.array([0, 1])}, source="mine")
    assert [type(value) for value in table.column("text") + table.column("label")] == [str, str, int, int]
    assert table.source == "mine"


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"text": ["a"], "label": [1, 2]}, "unequal lengths: 'text' 1, 'label' 2"),
        ({}, "no columns"),
        ({"text": "abc"}, "column 'text' must be a list of values, not a text"),
        ({"text": 3}, "not a number"),
        ({1: ["a"]}, "name of a column must be a str, not 1"),
    ],
)
def test_from_columns_refuses(columns, message):
    with pytest.raises(DataError, match=message):
        Table.from_columns(columns)


def test_missing_column_names_the_nearest(table):
    with pytest.raises(DataError) as error:
        table.column("Lable")
    assert str(error.value) == ("memory: no column 'Lable'; the columns are 'text', 'label'; did you mean 'label'?")


def test_missing_column_of_many_and_long_names():
    table = Table.from_columns({f"{i:02} {'x' * 100}": [i] for i in range(30)})
    with pytest.raises(DataError) as error:
        table.column("text")
    assert "and 10 more" in str(error.value) and "x" * 40 not in str(error.value)


def test_select_keeps_order_and_line_numbers():
    table = Table({"text": ["a", "b", "c"]}, source="x.tsv", line_numbers=[2, 4, 5])
    picked = table.select([2, 0, 2])
    assert picked.column("text") == ["c", "a", "c"]
    assert [picked.row_name(i) for i in range(3)] == ["x.tsv, line 5", "x.tsv, line 2", "x.tsv, line 5"]
    assert table.select(slice(1, None)).column("text") == ["b", "c"]
    assert table.select([-1]).column("text") == ["c"]
    assert len(table.select([])) == 0
    with pytest.raises(IndexError):
        table.select([3])
    with pytest.raises(TypeError):
        table.select(["1"])


def test_select_takes_numpy_numbers(table):
    np = pytest.importorskip("numpy")
    assert table.select(np.array([1, 0])).column("text") == ["b", "a"]


def test_select_keeps_what_rows_lack():
    table = Table(
        {"text": ["a", "b", "c"], "label": [None, "x", None]},
        source="x.jsonl",
        line_numbers=[1, 2, 3],
        absent={"label": {2}},
    )
    assert list(table.select([0, 1])) == [{"text": "a", "label": None}, {"text": "b", "label": "x"}]
    assert table.select([0, 1]).column("label") == [None, "x"]
    with pytest.raises(DataError, match=r"x\.jsonl, line 3: no 'label' here.* this row has 'text' \(1 of 2"):
        table.select([1, 2]).column("label")


@pytest.mark.parametrize(
    "value, kind",
    [
        (None, "null"),
        (12, r"a number \(12\)"),
        (0.5, r"a number \(0.5\)"),
        (True, "true"),
        (["b"], "a list"),
        ({}, "an object"),
        (b"b", "a bytes"),
    ],
)
def test_text_column_refuses_what_is_no_text(value, kind):
    table = Table.from_columns({"text": ["a", value]})
    with pytest.raises(DataError, match=f"memory, row 1: column 'text' holds {kind}, not a text"):
        table.text_column("text")


def test_text_column_refuses_half_a_surrogate_pair():
    table = Table.from_columns({"text": ["😀 é", "a \ud83d"]})
    with pytest.raises(DataError, match=r"row 1: column 'text' holds '\\ud83d'"):
        table.text_column("text")


def test_text_column(table):
    assert table.text_column("text") == ["a", "b", "c"]
