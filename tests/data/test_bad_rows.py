"""Rows that cannot be used are refused, or left out and counted: none is lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfbert.data import read
from tfbert.data.bad_rows import BadRows, usable
from tfbert.data.table import Table
from tfbert.errors import ConfigError, DataError, RowError
from tfbert.runs.bad_rows import write_bad_rows


def numbers(table):
    """Reads a column of positive numbers, which must differ somewhere."""
    for i, value in enumerate(table.column("value")):
        if not isinstance(value, int):
            raise table.row_error(i, f"{value!r} is no number", "no number")
    for i, value in enumerate(table.column("value")):
        if value < 0:
            raise table.row_error(i, f"{value} is negative", "a negative number")
    table.note("numbers are zero", [i for i, value in enumerate(table.column("value")) if not value])
    if len(set(table.column("value"))) < 2:
        raise DataError(f"{table.source}: all numbers are the same")
    return table.column("value")


def skipping(values):
    return Table({"value": values}, source="made up", bad_rows=BadRows("skip"))


@given(st.lists(st.sampled_from([1, 2, 0, -1, "x", None]), min_size=1, max_size=1200))
def test_rows_in_are_rows_out_and_rows_counted(values):
    table = skipping(values)
    good = [value for value in values if isinstance(value, int) and value >= 0]
    if len(set(good)) < 2:
        with pytest.raises(DataError, match="none of its|all numbers"):
            usable(table, numbers)
        return
    result, used = usable(table, numbers)
    assert result == used.column("value") == good
    assert len(used) + len(table.bad_rows) == len(values)
    assert sum(table.bad_rows.counts().values()) == len(table.bad_rows)


def test_the_first_bad_row_is_an_error_unless_it_is_skipped(caplog, tmp_path):
    with pytest.raises(RowError, match="memory, row 1: 'x' is no number"):
        usable(Table.from_columns({"value": [1, "x", 2]}), numbers)
    table = skipping([1, "x", 0, -1, -2])
    usable(table, numbers)
    table.bad_rows.warn(2)
    assert table.bad_rows.counts() == {"a negative number": 2, "no number": 1}
    assert caplog.messages == [
        "made up: 1 numbers are zero, first at made up, row 2",
        "3 of 5 rows are left out:\n  2 with a negative number, first made up, row 3: -1 is negative\n"
        "  1 with no number, first made up, row 1: 'x' is no number",
    ]
    write_bad_rows(tmp_path / "bad_rows.jsonl", {"dev": table})
    lines = [json.loads(line) for line in (tmp_path / "bad_rows.jsonl").read_text().splitlines()]
    wanted = {"data": "dev", "source": "made up", "kind": "no number", "error": "made up, row 1: 'x' is no number"}
    assert lines[0] == wanted and len(lines) == 3
    with pytest.raises(ConfigError, match="bad_rows is 'drop'; it is error or skip"):
        BadRows("drop")


@pytest.mark.parametrize(
    "name, lines, kind",
    [
        ("a.tsv", ["text\tlabel", "a\tb", "no label", "c\td"], "another number of fields"),
        ("a.csv", ["text,label", "a,b", "a,b,c", "c,d"], "another number of fields"),
        ("a.jsonl", ['{"text": "a"}', "[1]", '{"text": "c"}'], "no JSON object"),
        ("a.jsonl", ['{"text": "a"}', '{"text": ', '{"text": "c"}'], "no JSON"),
    ],
)
def test_readers_skip_rows(tmp_path, name, lines, kind):
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    with pytest.raises(RowError, match=f"{name}, line "):
        read(tmp_path / name)
    table = read(tmp_path / name, bad_rows="skip")
    assert table.column("text") == ["a", "c"]
    assert table.bad_rows.counts() == {kind: 1}
