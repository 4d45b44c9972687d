"""What a reader gives: the rows of a source in order, each with its place, taken as tables of any size."""

from __future__ import annotations

import abc
import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.table import Table
from tfbert.errors import DataError

# A table has a cell in each column of each row. Those that no row gives must not outgrow the file.
_MOST_LACKING = 1_000_000
_MOST_LACKING_FOR_EACH = 50  # cell that is there


class Rows(abc.ABC):
    """The rows of a source that are left; `take` makes a `Table` of the next ones.

    Attributes:
        name: of the source, for messages.
        unit: what the numbers of rows count: "line", or "record" or "row" in a file without lines.
        nothing: what to say about a source without rows.
        bad_rows: what happens to rows that cannot be read. All tables have it.
    """

    unit = "line"
    nothing = "the file is empty"

    def __init__(self, name: str, rows: Iterable[tuple[int, Any, int]], bad_rows: BadRows = REFUSING) -> None:
        """`rows`: (number, value, number of characters) of each."""
        self.name, self._rows = name, iter(rows)
        self.bad_rows = bad_rows

    def take(self, most_rows: int | None = None, most_characters: int | None = None) -> Table:
        """The table of the next rows: all of them, or as many as the bounds allow; an empty table at the end."""
        return self._table(self._counted(self._next(most_rows, most_characters)))

    def _counted(self, rows: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        if self.bad_rows.policy == "error":  # which keeps no places, and may be that of other readers too
            yield from rows
            return
        self.bad_rows.rows = 0
        for row in rows:
            yield row
            self.bad_rows.rows += 1

    def _next(self, most_rows: int | None, most_characters: int | None) -> Iterator[tuple[int, Any]]:
        if most_rows is None or most_characters is None:
            yield from ((number, value) for number, value, _ in itertools.islice(self._rows, most_rows))
            return
        characters = 0
        for number, value, size in itertools.islice(self._rows, most_rows):
            yield number, value
            characters += size
            if characters >= most_characters:
                return

    @abc.abstractmethod
    def _table(self, rows: Iterator[tuple[int, Any]]) -> Table:
        """The table of (number, value) of rows."""


class ObjectRows(Rows):
    """Rows that are dicts, such as JSON objects or records; their keys may differ.

    >>> rows = ObjectRows([(1, {"text": "a film"}, 6), (2, {"text": "dull", "label": "bad"}, 4)], "two objects")
    >>> list(rows.take())
    [{'text': 'a film'}, {'text': 'dull', 'label': 'bad'}]
    """

    has_lists_of_one = False  # whether a value may stand for a list of one, see `Table`

    def __init__(
        self,
        objects: Iterable[tuple[int, dict[str, Any], int]],
        name: str,
        unit: str = "line",
        bad_rows: BadRows = REFUSING,
    ) -> None:
        """`objects`: (number, dict, number of characters) of each; of the unit "file" a name in place of the number."""
        self.unit = unit
        super().__init__(name, objects, bad_rows)

    def _table(self, rows: Iterator[tuple[int, Any]]) -> Table:
        columns: dict[str, list] = {}
        absent: dict[str, set[int]] = {}
        line_numbers: list | array = [] if self.unit == "file" else array("q")
        present = lacking = 0  # cells
        for number, row in rows:
            i = len(line_numbers)
            new = len(row.keys() - columns.keys())
            present += len(row)
            lacking += new * i + len(columns) + new - len(row)
            if lacking > _MOST_LACKING + _MOST_LACKING_FOR_EACH * present:
                raise DataError(
                    f"{self.name}, {self.unit} {number}: the rows up to here have {len(columns) + new:,} different "
                    "keys, which are columns, and most rows lack most of them; write keys that are data as values"
                )
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
            bad_rows=self.bad_rows,
        )


class ListRows(ObjectRows):
    """Objects some of whose columns are lists in the source, where a list of one is written as its value.

    A list with one value is that value, unless a row up to here or in the same table has several: then all are lists.
    `Table.list_column` and `Table.text_column` give either.

    >>> rows = ListRows([(1, {"label": ["a"]}, 1), (2, {"label": ["b"]}, 1)], "two rows", list_columns=("label",))
    >>> rows.take().column("label")
    ['a', 'b']
    """

    has_lists_of_one = True

    def __init__(self, *args: Any, list_columns: Sequence[str] | None = None, **kwargs: Any) -> None:
        """`list_columns`: the names of the columns of lists; all if None."""
        super().__init__(*args, **kwargs)
        self._list_columns = list_columns
        self._several: set[str] = set()  # columns that have had several values

    def _table(self, rows: Iterator[tuple[int, Any]]) -> Table:
        table = super()._table(rows)
        for name, values in table.columns.items():
            if self._list_columns is None or name in self._list_columns:
                if any(len(value or ()) > 1 for value in values):
                    self._several.add(name)
                table.columns[name] = [_unlisted(value, name in self._several) for value in values]
        return table


def _unlisted(values: list | None, several: bool) -> Any:
    if values is None or several:
        return values
    return values[0] if values else None
