"""Data files (TSV, CSV, JSONL, plain text) and TFDS data sets as a `Table`."""

import contextlib
import csv
import importlib
import itertools
import json
import os
import sys
import threading
from array import array

from tfbert.data.lines import decoded_lines, open_data
from tfbert.data.squad import begins_squad
from tfbert.data.table import Table
from tfbert.errors import ConfigError, DataError

_FORMAT_OF_SUFFIX = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "txt",
    **dict.fromkeys((".conll", ".bio", ".iob", ".iob2", ".bioes"), "conll"),
}
# Formats that a task's data are published in: module and function, which turns lines and the file's name into a Table.
_PUBLISHED = {
    "conll": ("tfbert.data.conll", "read_conll"),
    "squad": ("tfbert.data.squad", "read_squad"),
    "semeval": ("tfbert.data.semeval", "read_semeval"),
}
_FORMATS = ("tsv", "csv", "jsonl", "txt", *_PUBLISHED)
_LINES_THAT_TELL = 10  # of a document of JSON that is spread over lines
_CHUNK = 8192  # rows turned into columns at a time: quick, and no second copy of the file in memory


def read(source, *, column_names=(), required=(), format=None):
    r"""Reads a file or a TFDS data set into memory.

    Sources, told apart by their suffix (`.gz` may follow it):
        .tsv: fields between tabs, as they stand: quotes are text, as in GLUE's files.
        .csv: fields between commas, quoted as in RFC 4180, with line breaks inside quotes.
        .jsonl, .ndjson, .json: one JSON object a line; rows may have different keys. A .json that is one
            document of SQuAD's form is read as such.
        .txt: one text a line, as column "text".
        .conll, .bio, .iob, .iob2, .bioes: a word and its tag a line, as columns "words" and "tags".
        "tfds:NAME[/CONFIG][:VERSION][:SPLIT]": a data set of tensorflow_datasets (split: train), from its
            own data folder ($TFDS_DATA_DIR); class labels become their names, and None where unlabelled.
        "-": standard input, one text a line, or JSONL when the first line begins with "{".

    Files are UTF-8, with or without a byte order mark, with LF or CRLF. Lines with nothing on them are no
    rows and are skipped, but in plain text, where only those at the end are: there an empty line is an
    empty text, so that answers stay beside their lines.

    Args:
        source: a path or one of the above.
        column_names: names for a TSV or CSV file that has no header line (or one name for plain text);
            without them the first line is the header.
        required: columns to check for now rather than at their use.
        format: "tsv", "csv", "jsonl", "txt", "conll", "squad" or "semeval", for a file whose suffix does not say it.

    Raises:
        DataError: names the file, the line and what is wrong with it.
        ConfigError: arguments that do not fit the source.

    >>> import pathlib
    >>> _ = pathlib.Path("reviews.tsv").write_text("text\tlabel\na fine film\tgood\n")
    >>> list(read("reviews.tsv", required=["text"]))
    [{'text': 'a fine film', 'label': 'good'}]
    """
    source = os.fsdecode(source)
    column_names = _names("column_names", column_names)
    required = _names("required", required)
    if format is not None and format not in _FORMATS:
        raise ConfigError(f"format is {format!r}; the formats are {', '.join(_FORMATS)}")
    if source.startswith("tfds:"):
        if column_names or format:
            raise ConfigError(f"{source}: a TFDS data set has its own names and takes no column_names or format")
        from tfbert.data.tfds import read_tfds  # loads TensorFlow, which files do not need

        table = read_tfds(source)
    else:
        table = _read_file(source, column_names, format)
    for name in required:
        table.column(name)
    return table


def _read_file(source, column_names, format):
    if source == "-":
        name = "standard input"
        lines = decoded_lines(sys.stdin.buffer, name)
        if format is None:
            first = list(itertools.islice(lines, 1))
            format = "jsonl" if first and first[0].lstrip().startswith("{") else "txt"
            lines = itertools.chain(first, lines)
        return _read_lines(lines, name, column_names, format)
    with open_data(source) as file:
        lines = decoded_lines(file, source)
        if format is None and source.lower().endswith((".json", ".json.gz")):
            first = list(itertools.islice(lines, _LINES_THAT_TELL))
            format = "squad" if begins_squad("".join(first)) else None
            lines = itertools.chain(first, lines)
        return _read_lines(lines, source, column_names, format or _format(source))


def _read_lines(lines, name, column_names, format):
    if format in _PUBLISHED:
        module, function = _PUBLISHED[format]
        return getattr(importlib.import_module(module), function)(lines, name)
    if format == "txt":
        return _read_txt(lines, name, column_names)
    if format == "jsonl":
        if column_names:
            raise ConfigError(f"{name}: each line of JSON names its own columns; leave out column_names")
        return _read_jsonl(lines, name)
    if format == "tsv":
        return _read_rows(_tsv_rows(lines), name, column_names, "tabs")
    with _long_fields():
        return _read_rows(_csv_rows(lines, name), name, column_names, "commas")


def _names(argument, names):
    if isinstance(names, str):
        raise ConfigError(f"{argument} must be a list of names, not the text {names!r}")
    names = list(names)
    for name in names:
        if not isinstance(name, str) or not name or names.count(name) > 1:
            raise ConfigError(f"{argument} holds {name!r}; it takes distinct names")
    return names


def _format(source):
    stem = source[:-3] if source.lower().endswith(".gz") else source
    suffix = os.path.splitext(stem)[1].lower()
    if suffix not in _FORMAT_OF_SUFFIX:
        raise DataError(
            f"{source}: the suffix {suffix!r} names no format; give format= one of {', '.join(_FORMATS)}, "
            f"or name the file {', '.join(_FORMAT_OF_SUFFIX)} (with .gz or without)"
        )
    return _FORMAT_OF_SUFFIX[suffix]


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


def _read_rows(rows, name, column_names, separators):
    names = column_names or _header(rows, name)
    columns = [[] for _ in names]
    line_numbers = array("q")
    chunk = []
    for number, fields in rows:
        if len(fields) != len(names):
            if not fields or fields[0].isspace() and len(fields) == 1:
                continue
            raise _field_count_error(name, number, fields, names, column_names, separators)
        chunk.append(fields)
        line_numbers.append(number)
        if len(chunk) == _CHUNK:
            _extend(columns, chunk)
            chunk = []
    _extend(columns, chunk)
    if not line_numbers:
        raise DataError(f"{name}: no rows{'' if column_names else ' after the header line'}")
    return Table(
        dict(zip(names, columns, strict=True)),
        source=name,
        line_numbers=line_numbers,
        names_from_file=not column_names,
    )


def _extend(columns, rows):
    if rows:
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)


def _header(rows, name):
    _, names = next(rows, (0, None))
    if names is None:
        raise DataError(f"{name}: the file is empty")
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


def _read_txt(lines, name, column_names):
    if len(column_names) > 1:
        raise ConfigError(f"{name}: plain text is one column, and column_names has {len(column_names)}")
    texts = [line.removesuffix("\n").removesuffix("\r") for line in lines]
    while texts and not texts[-1].strip():
        texts.pop()
    if not texts:
        raise DataError(f"{name}: no text in it")
    column = column_names[0] if column_names else "text"
    return Table({column: texts}, source=name, line_numbers=range(1, len(texts) + 1))


def _read_jsonl(lines, name):
    columns, absent = {}, {}
    line_numbers = array("q")
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _json_error(name, number, line, error) from None
        if not isinstance(row, dict):
            raise DataError(f"{name}, line {number}: not a JSON object; each line must be one, {{...}}")
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
    if not columns:
        raise DataError(f"{name}: {'all objects are empty' if line_numbers else 'the file is empty'}")
    return Table(columns, source=name, line_numbers=line_numbers, absent=absent)


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
