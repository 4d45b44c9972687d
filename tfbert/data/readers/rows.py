"""Rows of TSV, CSV, JSON lines, plain text and records, each with its place in the file, taken as tables."""

import abc
import contextlib
import csv
import itertools
import json
import threading
from array import array

from tfbert.data.table import Table
from tfbert.errors import ConfigError, DataError, NoRowsError

_CHUNK = 8192  # rows turned into columns at a time: quick, and no second copy of the file in memory


class Rows(abc.ABC):
    """The rows that are left of a source; `take` makes a `Table` of the next ones.

    Attributes:
        name: of the source, for messages.
        unit: what the numbers of rows count: "line", or "row" where a file has no lines.
        nothing: what to say of a source without rows.
    """

    unit = "line"

    def __init__(self, name, rows):
        """`rows`: iterator of (number, value, characters of it)."""
        self.name, self._rows = name, rows

    def take(self, most_rows=None, most_characters=None):
        """The table of the next rows, all of them unless bounded; it has no rows when none are left."""
        return self._table(self._next(most_rows, most_characters))

    def _next(self, most_rows, most_characters):
        if most_rows is None:
            yield from ((number, value) for number, value, _ in self._rows)
            return
        characters = 0
        for number, value, size in itertools.islice(self._rows, most_rows):
            yield number, value
            characters += size
            if characters >= most_characters:
                return

    @abc.abstractmethod
    def _table(self, rows):
        """The table of (number, value) of rows."""


class TextRows(Rows):
    """One text a line. Empty lines are texts, but for those at the end."""

    nothing = "no text in it"

    def __init__(self, lines, name, column_names):
        if len(column_names) > 1:
            raise ConfigError(f"{name}: plain text is one column, and column_names has {len(column_names)}")
        self._column = column_names[0] if column_names else "text"
        super().__init__(name, _texts(lines))

    def _table(self, rows):
        texts, line_numbers = [], array("q")
        for number, text in rows:
            texts.append(text)
            line_numbers.append(number)
        return Table({self._column: texts}, source=self.name, line_numbers=line_numbers)


def _texts(lines):
    empty = []  # held back until a text follows
    for number, line in enumerate(lines, 1):
        text = line.removesuffix("\n").removesuffix("\r")
        if not text.strip():
            empty.append((number, text, 1))
            continue
        yield from empty
        empty.clear()
        yield number, text, len(text)


class FieldRows(Rows):
    """Fields between tabs, where quotes are text, or between commas, quoted as in RFC 4180."""

    def __init__(self, lines, name, column_names, separators):
        self._rows_of_fields = _csv_rows(lines, name) if separators == "commas" else _tsv_rows(lines)
        self._column_names, self._separators = column_names, separators
        self.nothing = f"no rows{'' if column_names else ' after the header line'}"
        with _long_fields():
            self._names = column_names or _header(self._rows_of_fields, name)
        super().__init__(name, self._checked())

    def _checked(self):
        names = self._names
        for number, fields in self._rows_of_fields:
            if len(fields) != len(names):
                if not fields or fields[0].isspace() and len(fields) == 1:
                    continue
                raise _field_count_error(self.name, number, fields, names, self._column_names, self._separators)
            yield number, fields, sum(map(len, fields))

    def _table(self, rows):
        columns, line_numbers = [[] for _ in self._names], array("q")
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
        )


class ObjectRows(Rows):
    """JSON objects, one a line, or records of a file that has no lines; they may have different keys."""

    has_lists_of_one = False  # where a value may stand for a list, see `Table`

    def __init__(self, objects, name, unit="line"):
        """`objects`: iterator of (number, dict, characters)."""
        self.nothing, self.unit = "the file is empty", unit
        super().__init__(name, objects)

    @classmethod
    def of_lines(cls, lines, name, column_names):
        if column_names:
            raise ConfigError(f"{name}: each line of JSON names its own columns; leave out column_names")
        return cls(_objects(lines, name), name)

    def _table(self, rows):
        columns, absent, line_numbers = {}, {}, array("q")
        for number, row in rows:
            i = len(line_numbers)
            for column, value in row.items():
                if column not in columns:
                    columns[column] = [None] * i
                    if i:
                        absent[column] = set(range(i))
                columns[column].append(value)
            if len(row) < len(columns):
                for column in columns.keys() - row.keys():
                    columns[column].append(None)
                    absent.setdefault(column, set()).add(i)
            line_numbers.append(number)
        if line_numbers and not columns:
            raise DataError(f"{self.name}: all objects are empty")
        return Table(
            columns,
            source=self.name,
            line_numbers=line_numbers,
            absent=absent,
            unit=self.unit,
            has_lists_of_one=self.has_lists_of_one,
        )


def _objects(lines, name):
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _json_error(name, number, line, error) from None
        if not isinstance(row, dict):
            raise DataError(f"{name}, line {number}: not a JSON object; each line must be one, {{...}}")
        yield number, row, len(line)


def _json_error(name, number, line, error):
    if isinstance(error, json.JSONDecodeError):
        hint = ""
        if number == 1 and line.strip() in ("[", "{"):
            hint = "; JSON is read one object a line, not as one array or an object over many lines"
        elif name == "standard input":
            hint = '; standard input that begins with "{" is read as JSON, unless format="txt"'
        return DataError(f"{name}, line {number}, column {error.colno}: not JSON: {error.msg}{hint}")
    reason = "nested too deep" if isinstance(error, RecursionError) else error
    return DataError(f"{name}, line {number}: JSON that cannot be read: {reason}")


def _tsv_rows(lines):
    for number, line in enumerate(lines, 1):
        line = line.removesuffix("\n").removesuffix("\r")
        yield number, line.split("\t") if line else []


def _csv_rows(lines, name):
    reader = csv.reader(lines, strict=True)  # strict: a quote that is never closed is an error
    number = 1
    try:
        for fields in reader:
            yield number, fields
            number = reader.line_num + 1
    except csv.Error as error:
        lines_read = f" to line {reader.line_num}" if reader.line_num > number else ""
        if "unexpected end of data" in str(error):
            error = "a quote is opened and never closed"
        elif "new-line character" in str(error):
            error = "a carriage return stands outside quotes; end lines with LF or CRLF"
        raise DataError(
            f"{name}, line {number}{lines_read}: not CSV: {error}; a quote inside a quoted field is doubled"
        ) from None


_field_size_lock = threading.RLock()


@contextlib.contextmanager
def _long_fields():
    """Lifts the csv module's limit of 128 KiB a field, which is one number for the whole process."""
    with _field_size_lock:
        limit = csv.field_size_limit(2**31 - 1)
        try:
            yield
        finally:
            csv.field_size_limit(limit)


def _header(rows, name):
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


def _field_count_error(name, number, fields, names, column_names, separators):
    fields_are = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
    source = "column_names has" if column_names else "the header has"
    message = f"{name}, line {number}: {fields_are} between {separators}, where {source} {len(names)}"
    if separators == "tabs" and any(field.startswith('"') for field in fields):
        message += "; quotes do not hold tabs and line breaks together in TSV, write CSV for that"
    return DataError(message)
