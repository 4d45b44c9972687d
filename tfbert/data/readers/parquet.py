"""Parquet files, by pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tfbert.data.readers.rows import ObjectRows
from tfbert.errors import DataError

_ROWS = 1024  # decoded at a time


def parquet_rows(source: str) -> ObjectRows:
    """The rows of a Parquet file, read row group by row group.

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
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{source}: not a Parquet file, or truncated: {_line(error)}") from None
    return ObjectRows(_objects(file, source, pyarrow.ArrowException), source, "row")


def _objects(file: Any, source: str, arrow_error: type[Exception]) -> Iterator[tuple[int, dict[str, Any], int]]:
    number = 0
    with file:
        try:
            for batch in file.iter_batches(_ROWS, use_threads=False):
                size = batch.nbytes // max(1, batch.num_rows)
                for row in batch.to_pylist():
                    number += 1
                    yield number, row, size
        except (arrow_error, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{source}, after row {number}: cannot be read: {_line(error)}; copy it again") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
