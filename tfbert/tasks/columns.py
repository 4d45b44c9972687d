"""Columns of tables and of answers: which one a part of the example is, and labels and texts in them. B rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from tfbert.data.table import Table

_SHOWN_LABELS = 20  # of a message
OtherNames = Mapping[str, Sequence[str]]  # part -> what published data sets call it


def column_name(part: str, table: Table, columns: Mapping[str, str], other_names: OtherNames) -> str:
    """The table's name for a part of the example: as `columns` says, the part's own, or a usual one.

    `columns` may have dotted names, such as `meta.text`, of values in a column of objects. Where the table has no such
    column, the error of `Table.column` says how to name one for this part.

    >>> table = tfbert.data.Table.from_columns({"sentence": ["a fine film"]})
    >>> column_name("text", table, {}, {"text": ("sentence",)})
    'sentence'
    """
    if part in columns:
        name = columns[part]
    else:
        name = next((name for name in (part, *other_names.get(part, ())) if name in table.columns), part)
    table.has_column(name, part)
    return name


def has_column(part: str, table: Table, columns: Mapping[str, str], other_names: OtherNames) -> bool:
    """Whether the table has a column for a part of the example, or `columns` names one."""
    return part in columns or column_name(part, table, columns, other_names) in table.columns


def unknown_label(label: str, labels: Sequence[str], where: str) -> DataError:
    """The error for a label that is none of the task's; `where` names file and row."""
    listed = ", ".join(list(labels)[:_SHOWN_LABELS]) + (", …" if len(labels) > _SHOWN_LABELS else "")
    return DataError(f"{where}: unknown label {label!r}; the labels are {listed}{did_you_mean(label, labels)}")


def texts_of(values: Any) -> list[str]:
    """An answer's strings [B], bytes, as texts.

    >>> texts_of([b"Rome"])
    ['Rome']
    """
    return [value.decode("utf-8", "replace") for value in np.asarray(values, object)]
