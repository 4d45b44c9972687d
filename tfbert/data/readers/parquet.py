"""Parquet files, by pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tfbert.data.readers.rows import ObjectRows
from tfbert.errors import DataError

_ROWS = 1024  # decoded at a time


def parquet_rows(source: str) -> ObjectRows:
    """The rows of a Parquet file, read row group by row group.

    Numbers of tags, in lists, become their names where the file says them, as those of the Hugging Face hub do
    (CoNLL-2003, WNUT 17): its library `datasets` writes the features into the schema's metadata.

    Raises:
        DataError: no Parquet file, a truncated one, or pyarrow is not installed.

    >>> import pyarrow.parquet
    >>> pyarrow.parquet.write_table(pyarrow.table({"text": ["a film"]}), "texts.parquet")
    >>> list(parquet_rows("texts.parquet").take())
    [{'text': 'a film'}]
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(f"{source}: needs pyarrow: pip install pyarrow") from None
    try:
        file = pyarrow.parquet.ParquetFile(source, memory_map=False, pre_buffer=False)
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # ValueError: a column's name is no UTF-8
        raise DataError(f"{source}: not a Parquet file, or truncated: {_line(error)}") from None
    names = _names_of_tags(file.schema_arrow.metadata or {})
    return ObjectRows(_objects(file, source, pyarrow.ArrowException, names), source, "row")


def _names_of_tags(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """{column: the names of its numbers}, of columns of lists of class labels."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"].items()
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}
    found = {}
    for column, feature in features:
        inner = feature[0] if isinstance(feature, list) and feature else None
        if isinstance(feature, dict) and feature.get("_type") in ("Sequence", "List", "LargeList"):
            inner = feature.get("feature")
        names = inner.get("names") if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            found[column] = names
    return found


def _named(numbers: Any, names: list[str]) -> Any:
    """The names of numbers; -1, which is no label, and others that are no name's stay numbers."""
    if not isinstance(numbers, list):
        return numbers
    return [names[k] if isinstance(k, int) and 0 <= k < len(names) else k for k in numbers]


def _objects(
    file: Any, source: str, arrow_error: type[Exception], names: Mapping[str, list[str]]
) -> Iterator[tuple[int, dict[str, Any], int]]:
    number = 0
    with file:
        try:
            for batch in file.iter_batches(_ROWS, use_threads=False):
                size = batch.nbytes // max(1, batch.num_rows)
                for row in batch.to_pylist():
                    number += 1
                    for column in names.keys() & row.keys():
                        row[column] = _named(row[column], names[column])
                    yield number, row, size
        except (arrow_error, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{source}, after row {number}: cannot be read: {_line(error)}; copy it again") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
