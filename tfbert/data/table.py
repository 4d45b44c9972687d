"""The rows of a data set as columns in memory, with the place in the file that each row came from."""

import operator

from tfbert.errors import DataError, did_you_mean


class Table:
    """Columns of equal length, read from a file by `tfbert.data.read` or given by `Table.from_columns`.

    Iterating over a table gives its rows as dicts, without the columns that a JSON row left out.

    Attributes:
        columns: `dict[str, list]`; str for TSV and CSV, any JSON value for JSONL, with None where a row
            has no such column (`column` tells that None from a JSON null).
        source: the file's name, for messages.
        line_numbers: row -> the line of the file on which the row begins (or the number of its record), counted
            from 1; None where there are none.

    >>> table = Table.from_columns({"text": ["a fine film", "dull"], "label": ["good", "bad"]})
    >>> table.column("label"), list(table.select([1]))
    (['good', 'bad'], [{'text': 'dull', 'label': 'bad'}])
    """

    def __init__(
        self,
        columns,
        *,
        source,
        line_numbers=None,
        absent=None,
        names_from_file=False,
        unit="line",
        has_lists_of_one=False,
    ):
        """`read` and `from_columns` make tables.

        Args:
            absent: column -> the set of its rows that lack it, as rows of JSONL may.
            names_from_file: the names are the file's first line, so that a missing column may mean that
                the file has no header line.
            unit: what `line_numbers` count: "line", "record" or "row".
            has_lists_of_one: the source does not tell a value from a list of one, nor null from an empty list.
        """
        self.columns = columns
        self.source = source
        self.line_numbers = line_numbers
        self._absent = absent or {}
        self._names_from_file = names_from_file
        self._unit = unit
        self._has_lists_of_one = has_lists_of_one
        self._length = len(next(iter(columns.values()), ()))

    @classmethod
    def from_columns(cls, columns, source="memory"):
        """A table of the given columns: lists, arrays or pandas Series.

        Raises:
            DataError: no columns, columns of unequal length, a name that is not a str, or one text where a
                list of them belongs.
        """
        if not columns:
            raise DataError(f"{source}: no columns were given")
        lists = {}
        for name, values in columns.items():
            if not isinstance(name, str):
                raise DataError(f"{source}: the name of a column must be a str, not {name!r}")
            if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
                raise DataError(f"{source}: column {name!r} must be a list of values, not {_kind(values)}")
            # An array's own tolist gives int where list() would give numpy.int64.
            lists[name] = values.tolist() if hasattr(values, "tolist") else list(values)
        if len({len(values) for values in lists.values()}) > 1:
            lengths = ", ".join(f"{name!r} {len(values)}" for name, values in lists.items())
            raise DataError(f"{source}: the columns have unequal lengths: {lengths}")
        return cls(lists, source=source)

    def __len__(self):
        return self._length

    def __iter__(self):
        for i, values in enumerate(zip(*self.columns.values(), strict=True)):
            row = dict(zip(self.columns, values, strict=True))
            for name, rows in self._absent.items():
                if i in rows:
                    del row[name]
            yield row

    def __repr__(self):
        return f"<Table {self.source}: {len(self)} rows of {_list(self.columns)}>"

    def row_name(self, i):
        """The place of row `i` for messages: "train.tsv, line 17", or "memory, row 15" (counted from 0)."""
        i = range(len(self))[i]
        if self.line_numbers is None:
            return f"{self.source}, row {i}"
        return f"{self.source}, {self._unit} {self.line_numbers[i]}"

    def column(self, name):
        """The values of one column, as a list.

        Raises:
            DataError: there is no such column, or some rows (of JSONL) lack it.
        """
        if name not in self.columns:
            message = f"{self.source}: no column {name!r}; the columns are {_list(self.columns)}"
            message += did_you_mean(name, self.columns)
            if self._names_from_file:
                message += "; a file without a header line needs column_names"
            raise DataError(message)
        absent = self._absent.get(name)
        if absent:
            first = min(absent)
            present = [other for other in self.columns if first not in self._absent.get(other, ())]
            raise DataError(
                f"{self.row_name(first)}: no {name!r} here, which other rows have; this row has "
                f"{_list(present)} ({len(absent)} of {len(self)} rows lack {name!r})"
            )
        return self.columns[name]

    def list_column(self, name):
        """The values of one column that is to hold lists: where the source does not tell them apart, all are lists.

        Raises DataError as `column`; what a row holds is checked by who reads it.
        """
        values = self.column(name)
        if not self._has_lists_of_one:
            return values
        return [value if isinstance(value, list) else [] if value is None else [value] for value in values]

    def text_column(self, name):
        """The values of one column, each of them a str that UTF-8 can hold.

        Raises:
            DataError: as `column`, and for a value that is no text: a number, null, a list.
        """
        values = self.column(name)
        if self._has_lists_of_one:
            values = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
        for i, value in enumerate(values):
            if not isinstance(value, str):
                raise DataError(f"{self.row_name(i)}: column {name!r} holds {_kind(value)}, not a text")
            if not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError as error:  # JSON can escape half of a surrogate pair
                    half = value[error.start]
                    raise DataError(
                        f"{self.row_name(i)}: column {name!r} holds {half!a}, half of a surrogate pair, "
                        f"which is no character"
                    ) from None
        return values

    def select(self, rows):
        """The table of the given rows (numbers or a slice), in the given order.

        A row number outside the table is an IndexError, as for a list.
        """
        if isinstance(rows, slice):
            rows = range(len(self))[rows]
        else:
            everything = range(len(self))
            rows = [everything[operator.index(row)] for row in rows]
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        absent = {name: {i for i, row in enumerate(rows) if row in missing} for name, missing in self._absent.items()}
        line_numbers = self.line_numbers
        if line_numbers is not None:
            line_numbers = [line_numbers[row] for row in rows]
        return Table(
            columns,
            source=self.source,
            line_numbers=line_numbers,
            absent=absent,
            names_from_file=self._names_from_file,
            unit=self._unit,
            has_lists_of_one=self._has_lists_of_one,
        )


def _list(names):
    """Names for a message; those of a file without a header line may be whole texts, so they are cut."""
    shown = [repr(name if len(name) <= 40 else name[:37] + "...") for name in list(names)[:20]]
    return ", ".join(shown) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"


def _kind(value):
    """A value named as a reader of JSON would name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"a number ({value})"
    kinds = {str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), f"a {type(value).__name__}")
