"""Data files (TSV, CSV, JSONL, text, TFRecord, Parquet) and TFDS data sets as a `Table`, whole or in windows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tfbert.data.bad_rows import BadRows, Policy, Reported
from tfbert.data.opening import Formats, checked_names, opened
from tfbert.data.readers.brat import read_brat, read_brat_relations
from tfbert.data.readers.conll import read_conll
from tfbert.data.readers.conllu import read_conllu
from tfbert.data.readers.delimited import FieldRows
from tfbert.data.readers.fasttext import begins_fasttext, fasttext_rows
from tfbert.data.readers.folder import folder_rows
from tfbert.data.readers.json_document import json_document_rows
from tfbert.data.readers.json_lines import json_rows
from tfbert.data.readers.parquet import parquet_rows
from tfbert.data.readers.plain_text import TextRows
from tfbert.data.readers.race import begins_race, read_race
from tfbert.data.readers.rows import Rows
from tfbert.data.readers.semeval import read_semeval
from tfbert.data.readers.squad import begins_squad, read_squad
from tfbert.data.readers.tfrecord import tfrecord_rows
from tfbert.data.readers.trec import trec_rows
from tfbert.data.table import Table
from tfbert.errors import NoRowsError

# The tables of formats, a row each.
_FORMAT_OF_SUFFIX = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".txt": "txt",
    ".label": "trec",
    ".ft": "fasttext",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    ".parquet": "parquet",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bioes": "conll",
    ".conllu": "conllu",
}
# One row after another: (lines, name, column_names, bad_rows) -> Rows.
_ROWS: dict[str, Callable[..., Rows]] = {
    "tsv": partial(FieldRows, separators="tabs"),
    "csv": partial(FieldRows, separators="commas"),
    "jsonl": json_rows,
    "json": json_document_rows,
    "txt": TextRows,
    "trec": trec_rows,
    "fasttext": fasttext_rows,
}
# One document a file, in the form that the data of a task are published in:
# (lines, name, bad_rows=…) -> Table; those of _WITH_NAMES take column_names too.
_DOCUMENTS = {
    "conll": read_conll,
    "conllu": read_conllu,
    "race": read_race,
    "squad": read_squad,
    "semeval": read_semeval,
}
_WITH_NAMES = ("conll",)
# Files that are no lines of text: (path) -> Rows.
_RECORDS = {
    "tfrecord": tfrecord_rows,
    "parquet": parquet_rows,
}
# Folders of files: (path, encoding, bad_rows) -> Rows or Table; the first is that of a folder without a format.
_FOLDERS: dict[str, Callable[..., Rows | Table]] = {
    "folder": folder_rows,
    "brat": read_brat,
    "brat_relations": read_brat_relations,
}
# Format by the suffix -> what the text of the first lines may show instead; the first that fits.
_BEGINS = {
    "json": [
        (begins_squad, "squad"),
        (begins_race, "race"),
    ],
    "txt": [
        (begins_fasttext, "fasttext"),
        (begins_race, "race"),
    ],
}
FORMATS = Formats(
    _FORMAT_OF_SUFFIX, _ROWS, _DOCUMENTS, _RECORDS, _FOLDERS, _BEGINS, with_path=("json",), with_names=_WITH_NAMES
)


def read(
    source: str | os.PathLike[str],
    *,
    column_names: Sequence[str] = (),
    required: Sequence[str] = (),
    format: str | None = None,
    encoding: str | None = None,
    bad_rows: Policy = "error",
) -> Table:
    r"""Reads a file, a folder of texts or a TFDS data set into memory. docs/data.md has an example of each format.

    The suffix says how a source is read (`.gz` may follow it), unless `format` does:
        .tsv: fields between tabs. Quotes are part of the text, as in GLUE's files, unless the whole file shows that
            they enclose fields.
        .csv: fields between commas, quoted as in RFC 4180, with line breaks inside quotes; or between semicolons, tabs
            or vertical bars, where the line `sep=;` or the first lines show it.
        .jsonl, .ndjson: one JSON object a line; rows may have different keys.
        .json: the same, one array of objects, one object with a list of rows, or a document of SQuAD's form. The format
            "json:data.items" says where the rows are.
        .txt: one text a line, as column "text"; or what fastText reads, if it begins with "__label__".
        .label: a label and its text a line, as TREC. .ft: labels and a text a line, as fastText.
        .tfrecord, .tfrecords: serialized tf.train.Example, whose bytes are UTF-8 texts.
        .parquet: a Parquet file (needs pyarrow).
        .conll, .bio, .iob, .iob2, .bioes: a word and its tag a line, as columns "words" and "tags".
        a folder: a subfolder for each class with a file for each text.
        "tfds:NAME[/CONFIG][:VERSION][:SPLIT]": a data set of tensorflow_datasets (split: train), from its
            own data folder ($TFDS_DATA_DIR); a class label becomes its name, and None if there is no label.
        "-": standard input, one text a line; JSONL when the first line begins with "{", or an array with "[{".

    Text is UTF-8, with or without a byte order mark, unless `encoding` says another, with LF or CRLF. Empty lines are
    skipped; in plain text an empty line is an empty text, so that answers stay beside their lines, and only those at
    the end are skipped.

    Args:
        source: a path or one of the above.
        column_names: names for a TSV or CSV file that has no header line (or one name for plain text);
            without them the first line is the header.
        required: columns that are checked now, before they are used.
        format: a name of docs/data.md, such as "tsv" or "conll", for a source whose suffix does not say it.
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
    required = checked_names("required", required)
    with opened(FORMATS, source, column_names, format, encoding, BadRows(bad_rows)) as rows:
        table = _read(rows) if isinstance(rows, Table) else _some(rows, rows.take())
    for name in required:
        table.column(name)
    return table


def stream(
    source: str | os.PathLike[str],
    *,
    column_names: Sequence[str] = (),
    format: str | None = None,
    encoding: str | None = None,
    bad_rows: Policy | Reported = "error",
    most_rows: int = 2048,
    most_characters: int = 1 << 21,
) -> Iterator[Table]:
    r"""Reads a source of `read` in constant memory: an iterator of tables with at most so many rows or characters.

    One document (SQuAD, CoNLL, SemEval) or a TFDS data set is read whole and then cut. With `bad_rows="report"` rows
    that cannot be read are left out as by "skip", and `Table.refused` says where; the last table may have no rows.

    >>> _ = pathlib.Path("texts.txt").write_text("one\ntwo\nthree\n")
    >>> [table.column("text") for table in stream("texts.txt", most_rows=2)]
    [['one', 'two'], ['three']]
    """
    reports = bad_rows == "report"
    bad = BadRows("skip" if bad_rows == "report" else bad_rows)
    with opened(FORMATS, source, column_names, format, encoding, bad) as rows:
        if isinstance(rows, Table):
            refused = list(zip(bad.places, bad.errors, strict=True)) if reports else []
            for begin in range(0, len(_read(rows)), most_rows):
                end = begin + most_rows if begin + most_rows < len(rows) else len(rows) + 1
                table = rows.select(slice(begin, end))
                table.refused = [(row - begin, error) for row, error in refused if begin <= row < end]
                yield table
            return
        told, begun = 0, False
        while True:
            table = rows.take(most_rows, most_characters)
            if reports:
                table.refused, told = list(zip(bad.places[told:], bad.errors[told:], strict=True)), len(bad)
            if not len(table) and not table.refused:
                break
            yield table
            begun = True
        if not begun:
            _some(rows, table)


def _read(table: Table) -> Table:
    """A document's table, if it has rows."""
    if not len(table):
        first = f"; the first: {table.bad_rows.errors[0]}" if table.bad_rows.errors else ""
        raise NoRowsError(f"{table.source}: no row of it can be read{first}")
    return table


def _some(rows: Rows, table: Table) -> Table:
    if not len(table):
        raise NoRowsError(f"{rows.name}: {rows.nothing}")
    return table
