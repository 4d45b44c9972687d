"""Parquet files as tables, and the mistakes that such files hold."""

import datetime
import json

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


@pytest.mark.parametrize("kind", ["Sequence", "List", "a list"])
def test_numbers_of_tags_have_the_names_that_the_hub_writes(kind, tmp_path):
    names = ["O", "B-place", "I-place"]
    tags = {"names": names, "_type": "ClassLabel"}
    features = {
        "ner_tags": [tags] if kind == "a list" else {"feature": tags, "_type": kind},
        "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
        "label": tags,
    }
    columns = {"tokens": [["New", "York", "is"]], "ner_tags": [[1, 2, 0]], "label": [1]}
    table = pyarrow.table(columns)
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, tmp_path / "train.parquet")
    assert read(tmp_path / "train.parquet").columns == {**columns, "ner_tags": [["B-place", "I-place", "O"]]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "other.parquet")
    assert read(tmp_path / "other.parquet").columns == columns


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


def test_a_name_of_a_column_that_is_no_utf_8(tmp_path):
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"], "words": [["b"]]}), path)
    path.write_bytes(path.read_bytes().replace(b"words", b"wo\xb1ds"))
    with pytest.raises(DataError, match="rows.parquet: not a Parquet file, or truncated"):
        read(path)


def test_names_of_classes_nested_without_end(tmp_path):
    deep = b'{"info": {"features": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    table = pyarrow.table({"text": ["a"]}).replace_schema_metadata({b"huggingface": deep})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.parquet").column("text") == ["a"]
