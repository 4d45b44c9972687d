"""Parquet files as tables, and the mistakes that such files hold."""

import datetime

import pyarrow
import pyarrow.parquet
import pytest

from tfbert.data import read
from tfbert.errors import ConfigError, DataError


def test_parquet(tmp_path):
    columns = {
        "text": ["für Elise", None, "späť"],
        "words": [["a", "b"], [], ["c"]],
        "day": [datetime.date(2026, 1, 2)] * 3,
        "kind": pyarrow.array(["x", "y", "x"]).dictionary_encode(),
    }
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=2)
    table = read(path)
    assert table.column("text") == columns["text"] and table.column("words") == columns["words"]
    assert table.column("day") == columns["day"] and table.column("kind") == ["x", "y", "x"]
    with pytest.raises(DataError, match="rows.parquet, row 2: column 'text' holds null"):
        table.text_column("text")


def test_bad_parquet(tmp_path):
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": [f"text {i}" for i in range(5000)]}), path)
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    with pytest.raises(DataError, match="rows.parquet: not a Parquet file, or truncated"):
        read(path)
    path.write_bytes(content[:4] + b"\xff" * 400 + content[404:])
    with pytest.raises(DataError, match=r"rows.parquet, after row \d+: cannot be read"):
        read(path)
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "row.parquet")
    with pytest.raises(ConfigError, match="leave out column_names"):
        read(path, column_names=["text"])
    pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.array([], "string")}), path)
    with pytest.raises(DataError, match="the file is empty"):
        read(path)
