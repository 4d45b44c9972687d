"""Files with more columns than a data set has: they cost what their bytes cost, or are refused by name."""

import json
import time

import pytest
from capped import answers

from tfbert.data import read, stream
from tfbert.errors import DataError


def test_a_new_key_in_each_row_is_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": "a", f"key {i}": i}) + "\n" for i in range(20_000)))
    (answer,) = answers("tfbert.data:read", [path], megabytes=400, seconds=20)
    assert answer.startswith(f"DataError {path}, line 1") and "different keys, which are columns" in answer
    with pytest.raises(DataError, match=r"line 1\d\d\d: the rows up to here have 1,\d\d\d different keys"):
        list(stream(path))


def test_rare_keys_stay(tmp_path):
    """Each row has two of forty keys."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": "a", f"key {i % 40}": i}) + "\n" for i in range(50_000)))
    table = read(path)
    assert len(table) == 50_000 and len(table.columns) == 41


def test_a_header_of_100_000_columns(tmp_path):
    path = tmp_path / "rows.csv"
    names = [f"column {i}" for i in range(100_000)]
    path.write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    begin = time.process_time()
    assert len(read(path).columns) == 100_000
    with pytest.raises(DataError, match="no column 'text'"):
        read(path, required=["text"])
    assert time.process_time() - begin < 5
    path.write_text(",".join([*names, "column 7"]) + "\n")
    with pytest.raises(DataError, match="names 'column 7' twice"):
        read(path)
