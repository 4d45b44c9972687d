"""TSV, as GLUE has it, and CSV, as RFC 4180 has it: fields between tabs or commas, under a header line."""

from __future__ import annotations

import contextlib
import csv
import itertools
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from tfbert.data.bad_rows import BadRows
from tfbert.data.readers.rows import Rows
from tfbert.data.table import Table
from tfbert.errors import DataError, NoRowsError, RowError

_CHUNK = 8192  # rows turned into columns at a time: quick, and no second copy of the file in memory


class FieldRows(Rows):
    r"""Fields between tabs, where quotes are text, or between commas, quoted as in RFC 4180.

    The first line names the columns, unless `column_names` does.

    >>> list(FieldRows(["text\tlabel\n", "a film\tgood\n"], "train.tsv", [], "tabs").take())
    [{'text': 'a film', 'label': 'good'}]
    """

    def __init__(
        self,
        lines: Iterable[str],
        name: str,
        column_names: Sequence[str],
        separators: Literal["tabs", "commas"],
        bad_rows: BadRows | None = None,
    ) -> None:
        self._rows_of_fields = _csv_rows(lines, name) if separators == "commas" else _tsv_rows(lines)
        self._column_names, self._separators = column_names, separators
        self.nothing = f"no rows{'' if column_names else ' after the header line'}"
        with _long_fields():
            self._names = column_names or _header(self._rows_of_fields, name)
        super().__init__(name, self._checked(), bad_rows)

    def _checked(self) -> Iterator[tuple[int, list[str], int]]:
        names = self._names
        for number, fields in self._rows_of_fields:
            if len(fields) != len(names):
                if not fields or fields[0].isspace() and len(fields) == 1:
                    continue
                self.bad_rows.add(self._field_count_error(number, fields))
                continue
            yield number, fields, sum(map(len, fields))

    def _table(self, rows: Iterator[tuple[int, list[str]]]) -> Table:
        columns: list[list[str]] = [[] for _ in self._names]
        line_numbers = array("q")
        with _long_fields():
            while chunk := list(itertools.islice(rows, _CHUNK)):
                line_numbers.extend(number for number, _ in chunk)
                for column, values in zip(columns, zip(*(fields for _, fields in chunk), strict=True), strict=True):
                    column.extend(values)
        return Table(
            dict(zip(self._names, columns, strict=True)),
            source=self.name,
            line_numbers=line_numbers,
            names_from_file=not self._column_names,
            bad_rows=self.bad_rows,
        )

    def _field_count_error(self, number: int, fields: list[str]) -> RowError:
        fields_are = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        source = "column_names has" if self._column_names else "the header has"
        message = (
            f"{self.name}, line {number}: {fields_are} between {self._separators}, where {source} {len(self._names)}"
        )
        if self._separators == "tabs" and any(field.startswith('"') for field in fields):
            message += "; quotes do not hold tabs and line breaks together in TSV, write CSV for that"
        return RowError(message, "another number of fields")


def _tsv_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        line = line.removesuffix("\n").removesuffix("\r")
        yield number, line.split("\t") if line else []


def _csv_rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)  # strict: a quote that is never closed is an error
    number = 1
    try:
        for fields in reader:
            yield number, fields
            number = reader.line_num + 1
    except csv.Error as error:
        lines_read = f" to line {reader.line_num}" if reader.line_num > number else ""
        reason = str(error)
        if "unexpected end of data" in reason:
            reason = "a quote is opened and never closed"
        elif "new-line character" in reason:
            reason = "a carriage return stands outside quotes; end lines with LF or CRLF"
        raise DataError(
            f"{name}, line {number}{lines_read}: not CSV: {reason}; a quote inside a quoted field is doubled"
        ) from None


_field_size_lock = threading.RLock()


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    """Lifts the csv module's limit of 128 KiB a field, which is one number for the whole process."""
    with _field_size_lock:
        limit = csv.field_size_limit(2**31 - 1)
        try:
            yield
        finally:
            csv.field_size_limit(limit)


def _header(rows: Iterator[tuple[int, list[str]]], name: str) -> list[str]:
    _, names = next(rows, (0, None))
    if names is None:
        raise NoRowsError(f"{name}: the file is empty")
    hint = "a file without a header line needs column_names"
    if not any(names):
        raise DataError(f"{name}, line 1: the header line is empty; {hint}")
    for i, column in enumerate(names):
        if not column and i:  # the first may lack a name: pandas writes its index so
            raise DataError(f"{name}, line 1: column {i + 1} of the header has no name; {hint}")
        if column in names[:i]:
            raise DataError(f"{name}, line 1: the header names {column!r} twice; {hint}")
    return names
