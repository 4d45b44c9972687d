"""How a source is opened: by the format that is given, that its suffix names or that its first lines show."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from absl import logging

from tfbert.data.bad_rows import BadRows
from tfbert.data.readers.encodings import checked_encoding
from tfbert.data.readers.lines import decoded_lines, open_data
from tfbert.data.readers.rows import Rows
from tfbert.data.readers.tsv_quotes import quotes_enclose
from tfbert.data.table import Table
from tfbert.errors import ConfigError, DataError, did_you_mean

_FIRST_LINES = 10  # which show what a file is
_OTHER_SUFFIXES = {
    **dict.fromkeys((".xls", ".xlsx", ".ods"), "a spreadsheet; save it as CSV"),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"), "compressed; unpack it"),
}


@dataclasses.dataclass(frozen=True)
class Formats:
    """The tables of formats, which `reading` fills: name -> what reads it.

    Attributes:
        suffixes: suffix -> name.
        rows: (lines, name, column_names, bad_rows) -> Rows.
        documents: (lines, name, bad_rows=…) -> Table; those `with_names` take column_names too.
        records: (path) -> Rows.
        folders: (path, encoding, bad_rows) -> Rows or Table.
        begins: name by suffix -> (whether the text of the first lines is of the other, the other's name), in order.
        with_path: names after which a colon and a path may stand.
        with_names: names of documents that have no names for their columns.
    """

    suffixes: Mapping[str, str]
    rows: Mapping[str, Callable[..., Rows]]
    documents: Mapping[str, Callable[..., Table]]
    records: Mapping[str, Callable[[str], Rows]]
    folders: Mapping[str, Callable[..., Rows | Table]]
    begins: Mapping[str, Sequence[tuple[Callable[[str], bool], str]]]
    with_path: Sequence[str]
    with_names: Sequence[str]

    @property
    def names(self) -> list[str]:
        """All names that `format=` takes."""
        return [*self.rows, *self.records, *self.documents, *self.folders]

    def check(self, format: str) -> None:
        """Raises ConfigError for an unknown name, with the nearest."""
        name, colon, path = format.partition(":")
        if name not in self.names:
            known = self.suffixes.get(f".{name.lower()}")
            hint = f"; did you mean {known!r}?" if known else did_you_mean(name, self.names)
            raise ConfigError(f"format is {format!r}; the formats are {', '.join(self.names)}{hint}")
        if colon and (name not in self.with_path or not path):
            raise ConfigError(f"format is {format!r}; a path stands after {', '.join(self.with_path)}: only")

    def of_suffix(self, source: str) -> str:
        """The format that a file's suffix names. Raises DataError."""
        stem = source[:-3] if source.lower().endswith(".gz") else source
        suffix = os.path.splitext(stem)[1].lower()
        if suffix in _OTHER_SUFFIXES:
            raise DataError(f"{source} is {_OTHER_SUFFIXES[suffix]}")
        if suffix not in self.suffixes:
            near = did_you_mean(suffix, self.suffixes)
            raise DataError(
                f"{source}: the suffix {suffix!r} names no format; give format= one of {', '.join(self.names)}, "
                f"or name the file {', '.join(self.suffixes)} (with .gz or without){near}"
            )
        return self.suffixes[suffix]


@contextlib.contextmanager
def opened(
    formats: Formats,
    source: str | os.PathLike[str],
    column_names: Sequence[str],
    format: str | None,
    encoding: str | None,
    bad_rows: BadRows,
) -> Iterator[Rows | Table]:
    """The `Rows` of a source, or its `Table` if it is read whole; `bad_rows` is theirs. See `tfbert.data.read`."""
    if format is not None:
        formats.check(format)
    given = _Given(formats, checked_names("column_names", column_names), format, checked_encoding(encoding), bad_rows)
    with given.opened(os.fsdecode(source)) as rows:
        rows.bad_rows = bad_rows
        yield rows


@dataclasses.dataclass(frozen=True)
class _Given:
    """The arguments of `opened`, checked."""

    formats: Formats
    column_names: list[str]
    format: str | None
    encoding: str
    bad_rows: BadRows

    @contextlib.contextmanager
    def opened(self, source: str) -> Iterator[Rows | Table]:
        if source.startswith("tfds:"):
            if self.column_names or self.format:
                raise ConfigError(f"{source}: a TFDS data set has its own names and takes no column_names or format")
            from tfbert.data.readers.tfds import read_tfds  # loads TensorFlow, which files do not need

            yield read_tfds(source)
        elif source == "-":
            name = "standard input"
            lines = decoded_lines(sys.stdin.buffer, name, self.encoding)
            format = self.format
            if format is None:
                first = list(itertools.islice(lines, 1))
                format = _of_standard_input(first[0] if first else "")
                lines = itertools.chain(first, lines)
            yield self._rows(lines, name, format)
        elif self.format in self.formats.folders or self.format is None and os.path.isdir(source):
            yield self._folder(source)
        else:
            with open_data(source) as file:
                yield self._file(file, source)

    def _folder(self, source: str) -> Rows | Table:
        if self.column_names:
            raise ConfigError(f"{source}: a folder of texts names its own columns; leave out column_names")
        reader = self.formats.folders[self.format or next(iter(self.formats.folders))]
        return reader(source, self.encoding, self.bad_rows)

    def _file(self, file: BinaryIO, source: str) -> Rows | Table:
        format = self.format or self.formats.of_suffix(source)
        if format in self.formats.records:
            if self.column_names:
                raise ConfigError(f"{source}: its records name their own columns; leave out column_names")
            return self.formats.records[format](source)
        quoted = (
            format == "tsv"
            and stat.S_ISREG(os.stat(source).st_mode)  # a pipe cannot be read twice
            and quotes_enclose(file, source, self.encoding)
        )
        lines = decoded_lines(file, source, self.encoding)
        if self.format is None and format in self.formats.begins:
            first = list(itertools.islice(lines, _FIRST_LINES))
            text = "".join(first)
            found = next((name for begins, name in self.formats.begins[format] if begins(text)), format)
            if found != format:
                logging.info("%s: its first lines show the format %r", source, found)
            format, lines = found, itertools.chain(first, lines)
        return self._rows(lines, source, format, **({"quoted": True} if quoted else {}))

    def _rows(self, lines: Iterable[str], name: str, format: str, **more: Any) -> Rows | Table:
        format, _, path = format.partition(":")
        if format in self.formats.documents:
            if format in self.formats.with_names:
                more["column_names"] = self.column_names
            elif self.column_names:
                raise ConfigError(f"{name}: the format {format} names its own columns; leave out column_names")
            return self.formats.documents[format](lines, name, bad_rows=self.bad_rows, **more)
        if path:
            more["path"] = path
        return self.formats.rows[format](lines, name, self.column_names, bad_rows=self.bad_rows, **more)


def _of_standard_input(line: str) -> str:
    """The format that its first line shows: no more is read before it is answered."""
    if line.lstrip().startswith("{"):
        return "jsonl"
    return "json" if re.match(r'\s*\[\s*(\{\s*("|$)|$)', line) else "txt"


def checked_names(argument: str, names: Sequence[str]) -> list[str]:
    """Distinct names as a list; `argument` gave them. Raises ConfigError."""
    if isinstance(names, str):
        raise ConfigError(f"{argument} must be a list of names, not the text {names!r}")
    names = list(names)
    for name in names:
        if not isinstance(name, str) or not name or names.count(name) > 1:
            raise ConfigError(f"{argument} holds {name!r}; it takes distinct names")
    return names
