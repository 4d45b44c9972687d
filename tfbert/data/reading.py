"""Data files (TSV, CSV, JSONL, text, TFRecord, Parquet) and TFDS data sets as a `Table`, whole or in windows."""

import contextlib
import importlib
import itertools
import os
import sys

from tfbert.data.readers.delimited import FieldRows
from tfbert.data.readers.json_lines import json_rows
from tfbert.data.readers.lines import decoded_lines, open_data
from tfbert.data.readers.parquet import parquet_rows
from tfbert.data.readers.plain_text import TextRows
from tfbert.data.readers.squad import begins_squad
from tfbert.data.readers.tfrecord import tfrecord_rows
from tfbert.data.table import Table
from tfbert.errors import ConfigError, DataError, NoRowsError

_FORMAT_OF_SUFFIX = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "txt",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    ".parquet": "parquet",
    **dict.fromkeys((".conll", ".bio", ".iob", ".iob2", ".bioes"), "conll"),
}
# Formats that a task's data are published in: module and function, which turns lines and the file's name into a Table.
_PUBLISHED = {
    "conll": ("tfbert.data.readers.conll", "read_conll"),
    "squad": ("tfbert.data.readers.squad", "read_squad"),
    "semeval": ("tfbert.data.readers.semeval", "read_semeval"),
}
_RECORDS = {"tfrecord": tfrecord_rows, "parquet": parquet_rows}
_FORMATS = ("tsv", "csv", "jsonl", "txt", *_RECORDS, *_PUBLISHED)
_LINES_THAT_TELL = 10  # of a document of JSON that is spread over lines


def read(source, *, column_names=(), required=(), format=None):
    r"""Reads a file or a TFDS data set into memory.

    Sources, told apart by their suffix (`.gz` may follow it):
        .tsv: fields between tabs, as they stand: quotes are text, as in GLUE's files.
        .csv: fields between commas, quoted as in RFC 4180, with line breaks inside quotes.
        .jsonl, .ndjson, .json: one JSON object a line; rows may have different keys. A .json that is one
            document of SQuAD's form is read as such.
        .txt: one text a line, as column "text".
        .tfrecord, .tfrecords: serialized tf.train.Example, whose bytes are UTF-8 texts.
        .parquet: a Parquet file (needs pyarrow).
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
        format: "tsv", "csv", "jsonl", "txt", "tfrecord", "parquet", "conll", "squad" or "semeval", for a file whose
            suffix does not say it.

    Raises:
        DataError: names the file, the line and what is wrong with it; a `NoRowsError` where there is nothing in it.
        ConfigError: arguments that do not fit the source.

    >>> import pathlib
    >>> _ = pathlib.Path("reviews.tsv").write_text("text\tlabel\na fine film\tgood\n")
    >>> list(read("reviews.tsv", required=["text"]))
    [{'text': 'a fine film', 'label': 'good'}]
    """
    required = _names("required", required)
    with _opened(source, column_names, format) as rows:
        table = rows if isinstance(rows, Table) else _some(rows, rows.take())
    for name in required:
        table.column(name)
    return table


def stream(source, *, column_names=(), format=None, most_rows=2048, most_characters=1 << 21):
    """Reads a source of `read` in windows: an iterator of tables, whose rows hold no more than the bounds.

    What is published as one document (SQuAD, CoNLL, SemEval) and TFDS data sets are read whole and then cut.

    >>> import pathlib
    >>> _ = pathlib.Path("texts.txt").write_text("one\\ntwo\\nthree\\n")
    >>> [table.column("text") for table in stream("texts.txt", most_rows=2)]
    [['one', 'two'], ['three']]
    """
    with _opened(source, column_names, format) as rows:
        if isinstance(rows, Table):
            for begin in range(0, len(rows), most_rows):
                yield rows.select(slice(begin, begin + most_rows))
            return
        table = _some(rows, rows.take(most_rows, most_characters))
        while len(table):
            yield table
            table = rows.take(most_rows, most_characters)


def _some(rows, table):
    if not len(table):
        raise NoRowsError(f"{rows.name}: {rows.nothing}")
    return table


@contextlib.contextmanager
def _opened(source, column_names, format):
    """The `Rows` of a source, or its `Table` where it is read whole."""
    source = os.fsdecode(source)
    column_names = _names("column_names", column_names)
    if format is not None and format not in _FORMATS:
        raise ConfigError(f"format is {format!r}; the formats are {', '.join(_FORMATS)}")
    if source.startswith("tfds:"):
        if column_names or format:
            raise ConfigError(f"{source}: a TFDS data set has its own names and takes no column_names or format")
        from tfbert.data.readers.tfds import read_tfds  # loads TensorFlow, which files do not need

        yield read_tfds(source)
        return
    if source == "-":
        name = "standard input"
        lines = decoded_lines(sys.stdin.buffer, name)
        if format is None:
            first = list(itertools.islice(lines, 1))
            format = "jsonl" if first and first[0].lstrip().startswith("{") else "txt"
            lines = itertools.chain(first, lines)
        yield _rows(lines, name, column_names, format)
        return
    with open_data(source) as file:
        if format is None and not source.lower().endswith((".json", ".json.gz")):
            format = _format(source)
        if format in _RECORDS:
            if column_names:
                raise ConfigError(f"{source}: its records name their own columns; leave out column_names")
            yield _RECORDS[format](source)
            return
        lines = decoded_lines(file, source)
        if format is None:
            first = list(itertools.islice(lines, _LINES_THAT_TELL))
            format = "squad" if begins_squad("".join(first)) else "jsonl"
            lines = itertools.chain(first, lines)
        yield _rows(lines, source, column_names, format)


def _rows(lines, name, column_names, format):
    if format in _PUBLISHED:
        module, function = _PUBLISHED[format]
        return getattr(importlib.import_module(module), function)(lines, name)
    if format == "txt":
        return TextRows(lines, name, column_names)
    if format == "jsonl":
        return json_rows(lines, name, column_names)
    return FieldRows(lines, name, column_names, {"tsv": "tabs", "csv": "commas"}[format])


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
