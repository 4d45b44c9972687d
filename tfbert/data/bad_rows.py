"""Rows of a data set that cannot be used: refused, or left out and counted."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from absl import logging

from tfbert.errors import ConfigError, DataError, RowError

if TYPE_CHECKING:
    from tfbert.data.table import Table

Policy = Literal["error", "skip"]
POLICIES: tuple[str, ...] = get_args(Policy)
Reported = Literal["report"]  # of `tfbert.data.stream` alone
Result = TypeVar("Result")
_BLOCK = 512  # rows that are read again for each bad one among them


class BadRows:
    """What happens to rows that cannot be used: the first is an error, or all are left out and kept here.

    Args:
        policy: "error" or "skip".

    Attributes:
        errors: of the rows that are left out.
        places: of each, how many rows its table has before it.
        rows: that the table which is read has so far, which a reader counts.

    >>> bad = BadRows("skip")
    >>> bad.add(RowError("train.tsv, line 3: the label is empty", "an empty label"))
    >>> len(bad), bad.counts()
    (1, {'an empty label': 1})
    """

    def __init__(self, policy: Policy = "error") -> None:
        if policy not in POLICIES:
            raise ConfigError(f"bad_rows is {policy!r}; it is {' or '.join(POLICIES)}")
        self.policy = policy
        self.errors: list[RowError] = []
        self.places: list[int] = []
        self.rows = 0

    def add(self, error: RowError, rows: int | None = None) -> None:
        """Keeps the error of a row that is left out. Raises it where the policy is "error".

        Args:
            rows: that the table has before it; unless given those that were counted.
        """
        if self.policy == "error":
            raise error
        self.errors.append(error)
        self.places.append(self.rows if rows is None else rows)

    def __len__(self) -> int:
        return len(self.errors)

    def counts(self) -> dict[str, int]:
        """{kind of fault: rows that have it}, the most frequent first."""
        return dict(collections.Counter(error.kind for error in self.errors).most_common())

    def warn(self, rows: int) -> None:
        """Logs one warning with the count of each kind and its first row, of `rows` that were used."""
        if not self.errors:
            return
        first = {error.kind: error for error in reversed(self.errors)}
        kinds = "".join(f"\n  {count:,} with {kind}, first {first[kind]}" for kind, count in self.counts().items())
        logging.warning("%s of %s rows are left out:%s", f"{len(self):,}", f"{rows + len(self):,}", kinds)


REFUSING = BadRows()  # which keeps nothing: it raises the first error


def usable(table: Table, read: Callable[[Table], Result]) -> tuple[Result, Table]:
    """What `read` makes of a table, and the table of the rows that it used.

    Where `read` refuses rows by a `RowError` and the table's `bad_rows` skips, the result is that of the other rows.
    Other errors, those of the whole table, are raised.

    Raises:
        DataError: no row can be used.
    """
    bad = table.bad_rows
    try:
        return read(table), table
    except RowError:
        if bad.policy == "error":
            raise
    kept: list[int] = []
    for begin in range(0, len(table), _BLOCK):
        block = list(range(begin, min(begin + _BLOCK, len(table))))
        while block:
            try:
                read(table.select(block, quiet=True))
            except RowError as error:
                if error.row is None:
                    raise
                bad.add(error)
                del block[error.row]
                continue
            except DataError:
                pass  # a fault of the whole table is found below; that of a block, such as one label, may be none
            break
        kept += block
    while kept:
        table_left = table.select(kept)
        try:
            return read(table_left), table_left
        except RowError as error:
            if error.row is None:
                raise
            bad.add(error)
            del kept[error.row]
    raise DataError(f"{table.source}: none of its {len(table):,} rows can be used; the first: {bad.errors[0]}")
