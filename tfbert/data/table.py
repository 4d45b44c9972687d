"""The rows of a data set as columns in memory, with the place in the file that each row came from."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from absl import logging

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.missing_column import listed, missing_column
from tfbert.data.nested import LACKING, values_at
from tfbert.errors import DataError, RowError, kind_of


class Table:
    """Columns of equal length, read from a file by `tfbert.data.read` or given by `Table.from_columns`.

    Iterating over a table gives its rows as dicts, without the columns that a JSON row left out.

    Attributes:
        columns: `dict[str, list]`; the values are str for TSV and CSV, and any JSON value for JSONL. None stands for
            a JSON null, or for a column that the row lacks (`column` raises for the latter).
        source: the file's name, for messages.
        line_numbers: row -> the line (or record) on which it begins, from 1; None of a source without such.
        bad_rows: what happens to rows that cannot be used, and those that were left out.
        unread: columns that a reader could not find among those of the file, and why.
        refused: (rows before it, error) of each row that `tfbert.data.stream` left out with `bad_rows="report"`.
        rows: of a table that `select` has made: the numbers that its rows had before; None of another.

    >>> table = Table.from_columns({"text": ["a fine film", "dull"], "label": ["good", "bad"]})
    >>> table.column("label"), list(table.select([1]))
    (['good', 'bad'], [{'text': 'dull', 'label': 'bad'}])
    """

    def __init__(
        self,
        columns: dict[str, list],
        *,
        source: str,
        line_numbers: Sequence[int | str] | None = None,
        absent: dict[str, set[int]] | None = None,
        names_from_file: bool = False,
        unit: str = "line",
        has_lists_of_one: bool = False,
        bad_rows: BadRows = REFUSING,
        quiet: bool = False,
        spare: Mapping[str, list] | None = None,
        unread: Mapping[str, str] | None = None,
    ) -> None:
        """`read` and `from_columns` make tables.

        Args:
            absent: column -> the set of its rows that lack it, as rows of JSONL may.
            names_from_file: the file's first line gave the names; a missing column may mean that it is no header line.
            unit: what `line_numbers` count: "line", "record" or "row"; or "file", of which they are names.
            has_lists_of_one: the source has one form for a value and a list of one, and one for null and an empty list.
            quiet: whether `note` says nothing, as for rows that are read for a trial.
            spare: more columns, which become some of the table where they are asked for by name.
            unread: column that the source may have -> why the table lacks it and what to do, for `column` to raise.
        """
        self.columns = columns
        self.source = source
        self.line_numbers = line_numbers
        self._absent = absent or {}
        self._names_from_file = names_from_file
        self._unit = unit
        self._has_lists_of_one = has_lists_of_one
        self.bad_rows = bad_rows
        self._quiet = quiet
        self._parts: dict[str, str] = {}  # column -> the part of the example that it was looked up as
        self._spare = dict(spare or {})
        self.unread = {name: why for name, why in (unread or {}).items() if name not in columns}
        self._length = len(next(iter([*columns.values(), *self._spare.values()]), ()))
        self.rows: Sequence[int] | None = None
        self.refused: list[tuple[int, RowError]] = []

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any], source: str = "memory") -> Table:
        """A table of the given columns: lists, arrays or pandas Series.

        Raises:
            DataError: no columns, columns of unequal length, a name that is not a str, or a text in place of a list.
        """
        if not columns:
            raise DataError(f"{source}: no columns were given")
        lists = {}
        for name, values in columns.items():
            if not isinstance(name, str):
                raise DataError(f"{source}: the name of a column must be a str, not {name!r}")
            if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
                raise DataError(f"{source}: column {name!r} must be a list of values, not {kind_of(values)}")
            # An array's own tolist gives int where list() would give numpy.int64.
            lists[name] = values.tolist() if hasattr(values, "tolist") else list(values)
        if len({len(values) for values in lists.values()}) > 1:
            lengths = ", ".join(f"{name!r} {len(values)}" for name, values in lists.items())
            raise DataError(f"{source}: the columns have unequal lengths: {lengths}")
        return cls(lists, source=source)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for i, values in enumerate(zip(*self.columns.values(), strict=True)):
            row = dict(zip(self.columns, values, strict=True))
            for name, rows in self._absent.items():
                if i in rows:
                    del row[name]
            yield row

    def __repr__(self) -> str:
        return f"<Table {self.source}: {len(self)} rows of {listed(self.columns)}>"

    def row_name(self, i: int) -> str:
        """The place of row `i` for messages: "train.tsv, line 17", or "memory, row 15" (counted from 0)."""
        i = range(len(self))[i]
        if self.line_numbers is None:
            return f"{self.source}, row {i}"
        return f"{self.source}, {self._unit} {self.line_numbers[i]}"

    def row_error(self, i: int, message: str, kind: str) -> RowError:
        """The error of row `i` that cannot be used; see `RowError`.

        >>> table = Table.from_columns({"label": ["good", ""]})
        >>> table.row_error(1, "the label is empty", "an empty label")
        RowError('memory, row 1: the label is empty')
        """
        return RowError(f"{self.row_name(i)}: {message}", kind, i)

    def note(self, what: str, rows: Sequence[int]) -> None:
        """Logs one warning about rows that are used, but not as they are written; nothing where there are none.

        Args:
            what: is wrong with them, such as "spans overlap a longer one and are left out".
        """
        if rows and not self._quiet:
            first = self.row_name(rows[0])
            logging.warning("%s: %s %s, first at %s", self.source, f"{len(rows):,}", what, first)

    def has_column(self, name: str, part: str | None = None) -> bool:
        """Whether there is such a column. A spare one becomes a column of the table, and so do those of a dotted name,
        such as `meta.text`, of values in a column of objects.

        Args:
            part: what the column is of the example, for the message where there is none.
        """
        if name not in self.columns and name in self._spare:
            self.columns[name] = self._spare[name]
        if name not in self.columns and "." in name:
            values = values_at(name, self.columns)
            if values is not None:
                self._absent[name] = {i for i, value in enumerate(values) if value is LACKING}
                self.columns[name] = [None if value is LACKING else value for value in values]
        if part is not None:
            self._parts[name] = part
        return name in self.columns

    def column(self, name: str) -> list:
        """The values of one column, as a list.

        Raises:
            DataError: there is no such column, or some rows (of JSONL) lack it.
        """
        if not self.has_column(name):
            if name in self.unread:
                raise DataError(f"{self.source}: {self.unread[name]}")
            part = self._parts.get(name)
            raise missing_column(
                *(self.source, name, self.columns, part), others=self._parts, names_from_file=self._names_from_file
            )
        absent = self._absent.get(name)
        if absent:
            first = min(absent)
            present = [other for other in self.columns if first not in self._absent.get(other, ())]
            raise self.row_error(
                first,
                f"no {name!r} here, which other rows have; this row has {listed(present)} "
                f"({len(absent)} of {len(self)} rows lack {name!r})",
                f"no {name!r}",
            )
        return self.columns[name]

    def list_column(self, name: str) -> list:
        """The values of one column that is meant to hold lists. If the source has one form for a value and a list of
        one, each value becomes a list; else the values are given as they are, and the caller checks them.

        Raises:
            DataError: as `column`.
        """
        values = self.column(name)
        if not self._has_lists_of_one:
            return values
        return [value if isinstance(value, list) else [] if value is None else [value] for value in values]

    def text_column(self, name: str) -> list[str]:
        """The values of one column, each a str that UTF-8 can hold.

        Raises:
            DataError: as `column`, and for a value that is no text: a number, null or a list.
        """
        values = self.column(name)
        if self._has_lists_of_one:
            values = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
        for i, value in enumerate(values):
            if not isinstance(value, str):
                raise self.row_error(i, f"column {name!r} holds {kind_of(value)}, not a text", "no text")
            if not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError as error:  # JSON can escape half of a surrogate pair
                    half = value[error.start]
                    raise self.row_error(
                        i,
                        f"column {name!r} holds {half!a}, half of a surrogate pair, which is no character",
                        "half of a surrogate pair",
                    ) from None
        return values

    def select(self, rows: Iterable[int] | slice, *, quiet: bool = False) -> Table:
        """The table of the given rows (numbers or a slice), in the given order.

        Args:
            quiet: whether its `note` says nothing.

        Raises:
            IndexError: a row number outside the table, as for a list.
        """
        everything = range(len(self))
        rows = everything[rows] if isinstance(rows, slice) else [everything[operator.index(row)] for row in rows]
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        absent = {name: {i for i, row in enumerate(rows) if row in missing} for name, missing in self._absent.items()}
        line_numbers, unit = self.line_numbers, self._unit
        if line_numbers is None:  # a row keeps its number in messages
            line_numbers, unit = everything, "row"
        selected = Table(
            columns,
            source=self.source,
            line_numbers=[line_numbers[row] for row in rows],
            absent=absent,
            names_from_file=self._names_from_file,
            unit=unit,
            has_lists_of_one=self._has_lists_of_one,
            bad_rows=self.bad_rows,
            quiet=quiet or self._quiet,
            spare={name: [values[row] for row in rows] for name, values in self._spare.items()},
            unread=self.unread,
        )
        selected.rows = rows
        return selected
