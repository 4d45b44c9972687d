"""Plain text: one text a line."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.readers.rows import Rows
from tfbert.data.table import Table
from tfbert.errors import ConfigError


class TextRows(Rows):
    r"""One text a line, as column "text" or the one name in `column_names`.

    An empty line is an empty text, so that answers stay beside their lines; empty lines at the end are no rows.

    >>> TextRows(["a film\n", "\n", "dull\n", "\n"], "texts.txt", []).take().column("text")
    ['a film', '', 'dull']
    """

    nothing = "no text in it"

    def __init__(
        self, lines: Iterable[str], name: str, column_names: Sequence[str], bad_rows: BadRows = REFUSING
    ) -> None:
        if len(column_names) > 1:
            raise ConfigError(f"{name}: plain text is one column, and column_names has {len(column_names)}")
        self._column = column_names[0] if column_names else "text"
        super().__init__(name, _texts(lines), bad_rows)

    def _table(self, rows: Iterator[tuple[int, str]]) -> Table:
        texts, line_numbers = [], array("q")
        for number, text in rows:
            texts.append(text)
            line_numbers.append(number)
        return Table({self._column: texts}, source=self.name, line_numbers=line_numbers, bad_rows=self.bad_rows)


def _texts(lines: Iterable[str]) -> Iterator[tuple[int, str, int]]:
    empty: list[tuple[int, str, int]] = []  # held back until a text follows
    for number, line in enumerate(lines, 1):
        text = line.removesuffix("\n").removesuffix("\r")
        if not text.strip():
            empty.append((number, text, 1))
            continue
        yield from empty
        empty.clear()
        yield number, text, len(text)
