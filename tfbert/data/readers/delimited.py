"""TSV, as GLUE has it, and CSV, as RFC 4180 has it: fields between tabs or commas, under a header line."""

from __future__ import annotations

import contextlib
import csv
import itertools
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from absl import logging

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.readers import separators as separator_names
from tfbert.data.readers.header import header_names
from tfbert.data.readers.rows import Rows
from tfbert.data.table import Table
from tfbert.errors import NoRowsError, RowError

_CHUNK = 8192  # rows turned into columns at a time: quick, and no second copy of the file in memory
_MOST_LINES = 10_000  # of a row; where more are read before its quotes close, they are taken for wrong


class FieldRows(Rows):
    r"""Fields between tabs, where quotes are text, or between commas, quoted as in RFC 4180.

    The first line names the columns, unless `column_names` does. Fields of a CSV file may also be between semicolons,
    tabs or vertical bars: the line `sep=;` before the header says it, or the first lines show it.

    >>> list(FieldRows(["text\tlabel\n", "a film\tgood\n"], "train.tsv", [], "tabs").take())
    [{'text': 'a film', 'label': 'good'}]
    """

    def __init__(
        self,
        lines: Iterable[str],
        name: str,
        column_names: Sequence[str],
        separators: Literal["tabs", "commas"],
        bad_rows: BadRows = REFUSING,
        quoted: bool = False,
    ) -> None:
        """`quoted`: whether quotes enclose fields between tabs too."""
        super().__init__(name, (), bad_rows)
        self._names, self._width = list(column_names), len(column_names)  # 0 until the header line is read
        self._column_names, self._quoted = column_names, quoted or separators == "commas"
        first_line = 1
        if separators == "commas":
            lines, separator, first_line = _separated(iter(lines), name, column_names)
        else:
            separator = "\t"
        self._separators = separator_names.NAMES.get(separator, repr(separator))
        self._rows_of_fields = self._csv_rows(iter(lines), separator, first_line) if self._quoted else _tsv_rows(lines)
        self.nothing = f"no rows{'' if column_names else ' after the header line'}"
        if not column_names:
            with _long_fields():
                _, cells = next(self._rows_of_fields, (0, None))
            if cells is None:
                raise NoRowsError(f"{name}: the file is empty")
            self._names, self._width = header_names(cells, name), len(cells)
        self._rows = self._checked()

    def _checked(self) -> Iterator[tuple[int, list[str], int]]:
        width, named = self._width, len(self._names)
        beyond: list[int] = []  # lines with text in columns that have no name
        for number, fields in self._rows_of_fields:
            if len(fields) != width:
                if not fields or fields[0].isspace() and len(fields) == 1:
                    continue
                self.bad_rows.add(self._field_count_error(number, fields))
                continue
            if named < width and any(map(str.strip, fields[named:])):
                beyond.append(number)
            yield number, fields, sum(map(len, fields))
        if beyond:
            logging.warning(
                "%s: %s rows have text in columns that the header does not name; it is not read, first at %s, line %s",
                *(self.name, f"{len(beyond):,}", self.name, beyond[0]),
            )

    def _csv_rows(self, lines: Iterator[str], separator: str, number: int) -> Iterator[tuple[int, list[str]]]:
        """Where bad rows are skipped, a line whose quotes are wrong is left out, and reading resumes with the next."""
        taken: list[str] = []  # the lines of the row that is read
        again: list[str] = []
        skips = self.bad_rows.policy == "skip"

        def kept() -> Iterator[str]:
            source = itertools.chain(again, lines)
            while len(taken) < _MOST_LINES:
                line = next(source, None)
                if line is None:
                    return
                taken.append(line)
                yield line
            raise csv.Error("unexpected end of data")

        while True:
            reader = csv.reader(kept() if skips else lines, delimiter=separator, strict=True)
            before = number - 1
            try:
                for fields in reader:
                    if len(taken) > 1 and self._width and len(fields) != self._width:
                        # Its first line may open a quote by mistake and take in rows that follow.
                        self.bad_rows.add(self._field_count_error(number, fields))
                        break
                    yield number, fields
                    number = before + reader.line_num + 1
                    taken.clear()
                else:
                    return
            except csv.Error as error:
                self.bad_rows.add(_csv_error(str(error), self.name, number, before + reader.line_num))
            again, number = taken[1:] + again[reader.line_num :], number + 1
            taken = []

    def _table(self, rows: Iterator[tuple[int, list[str]]]) -> Table:
        columns: list[list[str]] = [[] for _ in self._names]
        line_numbers = array("q")
        with _long_fields():
            while chunk := list(itertools.islice(rows, _CHUNK)):
                line_numbers.extend(number for number, _ in chunk)
                for column, values in zip(columns, zip(*(fields for _, fields in chunk), strict=True), strict=False):
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
        message = f"{self.name}, line {number}: {fields_are} between {self._separators}, where {source} {self._width}"
        if not self._quoted and any(field.startswith('"') for field in fields):
            message += (
                "; if quotes hold tabs and line breaks together here, give --format=csv, in Python format='csv', which "
                "reads quoted fields between tabs too"
            )
        return RowError(message, "another number of fields")


def _separated(lines: Iterator[str], name: str, column_names: Sequence[str]) -> tuple[Iterator[str], str, int]:
    """(the lines with the header first, the separator, the number of the first of these lines)."""
    first = list(itertools.islice(lines, separator_names.FIRST_LINES))
    said = separator_names.said_separator(first[0]) if first else None
    if said is not None:
        return itertools.chain(first[1:], lines), said, 2
    return itertools.chain(first, lines), separator_names.separator_of(first, name, column_names), 1


def _tsv_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        line = line.removesuffix("\n").removesuffix("\r")
        yield number, line.split("\t") if line else []


def _csv_error(reason: str, name: str, number: int, last: int) -> RowError:
    if "unexpected end of data" in reason:
        reason = "a quote is opened and never closed"
    elif "new-line character" in reason:
        reason = "a carriage return stands outside quotes; end lines with LF or CRLF"
    lines = f" to line {last}" if last > number else ""
    message = f"{name}, line {number}{lines}: not CSV: {reason}; a quote inside a quoted field is doubled"
    return RowError(message, "quotes that do not fit CSV")


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
