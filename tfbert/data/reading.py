"""Data files (TSV, CSV, JSONL, text, TFRecord, Parquet) and TFDS data sets as a `Table`, whole or in windows."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from tfbert.data.bad_rows import BadRows, Policy
from tfbert.data.readers.conll import read_conll
from tfbert.data.readers.delimited import FieldRows
from tfbert.data.readers.encodings import checked_encoding
from tfbert.data.readers.json_lines import json_rows
from tfbert.data.readers.lines import decoded_lines, open_data
from tfbert.data.readers.parquet import parquet_rows
from tfbert.data.readers.plain_text import TextRows
from tfbert.data.readers.rows import Rows
from tfbert.data.readers.semeval import read_semeval
from tfbert.data.readers.squad import begins_squad, read_squad
from tfbert.data.readers.tfrecord import tfrecord_rows
from tfbert.data.readers.tsv_quotes import quotes_enclose
from tfbert.data.table import Table
from tfbert.errors import ConfigError, DataError, NoRowsError

# The tables of formats, a row each.
_FORMAT_OF_SUFFIX = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "txt",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    ".parquet": "parquet",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bioes": "conll",
}
# One row after another: (lines, name, column_names, bad_rows) -> Rows.
_ROWS = {
    "tsv": partial(FieldRows, separators="tabs"),
    "csv": partial(FieldRows, separators="commas"),
    "quoted tsv": partial(FieldRows, separators="quoted tabs"),  # a .tsv file that shows it
    "jsonl": json_rows,
    "txt": TextRows,
}
# One document a file, in the form that the data of a task are published in: (lines, name[, bad_rows]) -> Table.
_DOCUMENTS = {
    "conll": read_conll,
    "squad": read_squad,
    "semeval": read_semeval,
}
# Files that are no lines of text: (path) -> Rows.
_RECORDS = {
    "tfrecord": tfrecord_rows,
    "parquet": parquet_rows,
}
# What a .json file is, by the text of its first lines; the first that fits. JSON lines if none does.
_JSON = (
    (begins_squad, "squad"),
)  # fmt: skip
_FORMATS = (*(name for name in _ROWS if " " not in name), *_RECORDS, *_DOCUMENTS)
_FIRST_LINES = 10  # of a .json file, which show what it is


def read(
    source: str | os.PathLike[str],
    *,
    column_names: Sequence[str] = (),
    required: Sequence[str] = (),
    format: str | None = None,
    encoding: str | None = None,
    bad_rows: Policy = "error",
) -> Table:
    r"""Reads a file or a TFDS data set into memory.

    The suffix says how a source is read (`.gz` may follow it):
        .tsv: fields between tabs; quotes are part of the text, as in GLUE's files.
        .csv: fields between commas, quoted as in RFC 4180, with line breaks inside quotes.
        .jsonl, .ndjson, .json: one JSON object a line; rows may have different keys. A .json file that is one
            document of SQuAD's form is read as one.
        .txt: one text a line, as column "text".
        .tfrecord, .tfrecords: serialized tf.train.Example, whose bytes are UTF-8 texts.
        .parquet: a Parquet file (needs pyarrow).
        .conll, .bio, .iob, .iob2, .bioes: a word and its tag a line, as columns "words" and "tags".
        "tfds:NAME[/CONFIG][:VERSION][:SPLIT]": a data set of tensorflow_datasets (split: train), from its
            own data folder ($TFDS_DATA_DIR); a class label becomes its name, and None if there is no label.
        "-": standard input, one text a line, or JSONL when the first line begins with "{".

    Text is UTF-8, with or without a byte order mark, unless `encoding` says another, with LF or CRLF. Empty lines are
    skipped; in plain text an empty line is an empty text, so that answers stay beside their lines, and only those at
    the end are skipped.

    Args:
        source: a path or one of the above.
        column_names: names for a TSV or CSV file that has no header line (or one name for plain text);
            without them the first line is the header.
        required: columns that are checked now, before they are used.
        format: "tsv", "csv", "jsonl", "txt", "tfrecord", "parquet", "conll", "squad" or "semeval", for a file whose
            suffix does not say it.
        encoding: of a text file that is not UTF-8, such as "latin-1" or "utf-16".
        bad_rows: "error", or "skip": rows that cannot be read, or later cannot be trained or evaluated on, are left out
            and counted in `Table.bad_rows`.

    Raises:
        DataError: names the file, the line and what is wrong with it; a `NoRowsError` if there is nothing in it.
        ConfigError: arguments that do not fit the source.

    >>> _ = pathlib.Path("reviews.tsv").write_text("text\tlabel\na fine film\tgood\n")
    >>> list(read("reviews.tsv", required=["text"]))
    [{'text': 'a fine film', 'label': 'good'}]
    """
    required = _names("required", required)
    with _opened(source, column_names, format, encoding, BadRows(bad_rows)) as rows:
        table = rows if isinstance(rows, Table) else _some(rows, rows.take())
    for name in required:
        table.column(name)
    return table


def stream(
    source: str | os.PathLike[str],
    *,
    column_names: Sequence[str] = (),
    format: str | None = None,
    encoding: str | None = None,
    bad_rows: Policy = "error",
    most_rows: int = 2048,
    most_characters: int = 1 << 21,
) -> Iterator[Table]:
    r"""Reads a source of `read` in constant memory: an iterator of tables with at most so many rows or characters.

    One document (SQuAD, CoNLL, SemEval) or a TFDS data set is read whole and then cut.

    >>> _ = pathlib.Path("texts.txt").write_text("one\ntwo\nthree\n")
    >>> [table.column("text") for table in stream("texts.txt", most_rows=2)]
    [['one', 'two'], ['three']]
    """
    with _opened(source, column_names, format, encoding, BadRows(bad_rows)) as rows:
        if isinstance(rows, Table):
            for begin in range(0, len(rows), most_rows):
                yield rows.select(slice(begin, begin + most_rows))
            return
        table = _some(rows, rows.take(most_rows, most_characters))
        while len(table):
            yield table
            table = rows.take(most_rows, most_characters)


def _some(rows: Rows, table: Table) -> Table:
    if not len(table):
        raise NoRowsError(f"{rows.name}: {rows.nothing}")
    return table


@contextlib.contextmanager
def _opened(
    source: str | os.PathLike[str],
    column_names: Sequence[str],
    format: str | None,
    encoding: str | None,
    bad_rows: BadRows,
) -> Iterator[Rows | Table]:
    """The `Rows` of a source, or its `Table` if it is read whole; `bad_rows` is theirs."""
    with _read(source, column_names, format, checked_encoding(encoding), bad_rows) as rows:
        rows.bad_rows = bad_rows
        yield rows


@contextlib.contextmanager
def _read(source, column_names, format, encoding, bad_rows):
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
        lines = decoded_lines(sys.stdin.buffer, name, encoding)
        if format is None:
            first = list(itertools.islice(lines, 1))
            format = "jsonl" if first and first[0].lstrip().startswith("{") else "txt"
            lines = itertools.chain(first, lines)
        yield _rows(lines, name, column_names, format, bad_rows)
        return
    with open_data(source) as file:
        if format is None and not source.lower().endswith((".json", ".json.gz")):
            format = _format(source)
        if format in _RECORDS:
            if column_names:
                raise ConfigError(f"{source}: its records name their own columns; leave out column_names")
            yield _RECORDS[format](source)
            return
        if format == "tsv" and stat.S_ISREG(os.stat(source).st_mode) and quotes_enclose(file, source, encoding):
            format = "quoted tsv"
        lines = decoded_lines(file, source, encoding)
        if format is None:
            first = list(itertools.islice(lines, _FIRST_LINES))
            text = "".join(first)
            format = next((name for begins, name in _JSON if begins(text)), "jsonl")
            lines = itertools.chain(first, lines)
        yield _rows(lines, source, column_names, format, bad_rows)


def _rows(lines: Iterable[str], name: str, column_names: list[str], format: str, bad_rows: BadRows) -> Rows | Table:
    if format in _DOCUMENTS:
        read_document = _DOCUMENTS[format]
        counts_bad_rows = len(inspect.signature(read_document).parameters) > 2
        return read_document(lines, name, *([bad_rows] if counts_bad_rows else []))
    return _ROWS[format](lines, name, column_names, bad_rows=bad_rows)


def _names(argument: str, names: Sequence[str]) -> list[str]:
    if isinstance(names, str):
        raise ConfigError(f"{argument} must be a list of names, not the text {names!r}")
    names = list(names)
    for name in names:
        if not isinstance(name, str) or not name or names.count(name) > 1:
            raise ConfigError(f"{argument} holds {name!r}; it takes distinct names")
    return names


def _format(source: str) -> str:
    stem = source[:-3] if source.lower().endswith(".gz") else source
    suffix = os.path.splitext(stem)[1].lower()
    if suffix not in _FORMAT_OF_SUFFIX:
        raise DataError(
            f"{source}: the suffix {suffix!r} names no format; give format= one of {', '.join(_FORMATS)}, "
            f"or name the file {', '.join(_FORMAT_OF_SUFFIX)} (with .gz or without)"
        )
    return _FORMAT_OF_SUFFIX[suffix]
