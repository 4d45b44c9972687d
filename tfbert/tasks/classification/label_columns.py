"""Where the labels of a table stand: in one column, or in one column of 0 and 1 for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import logging

from tfbert.errors import ConfigError, DataError
from tfbert.tasks.classification.labels import is_missing, name_of, plain, whole
from tfbert.tasks.columns import column_name, has_column

if TYPE_CHECKING:
    from tfbert.data.table import Table

# GLUE's and Hugging Face's names for the same columns.
OTHER_NAMES = {
    "text": ("sentence", "sentence1", "premise", "question1", "text_a"),
    "text_pair": ("sentence2", "hypothesis", "question2", "text_b"),
    "label": ("labels",),
}
_NO_LABELS = {"id", "idx", "index", ""}  # names of columns that count rows
_SHOWN = 8  # names of a message


def label_cells(
    table: Table, problem: str, columns: Mapping[str, Any], labels: Sequence[str] = ()
) -> tuple[list, tuple[str, ...]]:
    """The label cells of all rows, without NumPy; and the labels' names where each has a column of 0 and 1.

    Such columns are named by `columns["label"]`, a list; or they are those of the known `labels`; or, for several
    labels of a text, all that hold nothing but 0 and 1, as in the toxic comments of Jigsaw (Kaggle 2018). A cell is a
    list of 0 and 1 then, None in a row that has -1, or nothing, for each: it has no labels.

    Raises:
        DataError: a missing column, or one that holds anything else.
    """
    names = _several(table, problem, columns, labels)
    if names:
        return _rows_of(table, names), _in_order(names, labels, table.source)
    if problem != "multi_label" and not has_column("label", table, columns, OTHER_NAMES):
        if found := zero_one_columns(table, columns):
            raise DataError(
                f"{table.source}: no column 'label'; {_list(found)} hold 0 and 1 alone: problem=multi_label "
                "(--config.settings.problem=multi_label) reads each as a label"
            )
    name = column_name("label", table, columns, OTHER_NAMES)
    cells = table.column(name)
    if problem == "multi_label":  # a record without values has an empty list
        cells = [row if cell is None else cell for cell, row in zip(cells, table.list_column(name), strict=True)]
    return [plain(cell) for cell in cells], ()


def zero_one_columns(table: Table, columns: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of at least two columns that hold nothing but 0 and 1; () of fewer."""
    parts = {name for part in ("text", "text_pair") for name in (part, *OTHER_NAMES[part])}
    others = parts | {name for name in columns.values() if isinstance(name, str)}
    found = tuple(
        name
        for name, cells in table.columns.items()
        if name not in others and name.casefold() not in _NO_LABELS and not name.casefold().startswith("unnamed")
        if cells and all(is_missing(cell) or _digit(cell) is not None for cell in map(plain, cells))
        if any(_digit(cell) in (0, 1) for cell in map(plain, cells))
    )
    return found if len(found) > 1 and any(_digit(plain(c)) == 1 for n in found for c in table.columns[n]) else ()


def _several(table, problem, columns, labels):
    named = columns.get("label")
    if isinstance(named, (tuple, list)):
        if problem == "regression":
            raise ConfigError(f"columns names {len(named)} columns of labels, and a regression has one of numbers")
        return tuple(named)
    if isinstance(named, str) and named not in table.columns:  # as a flag has several
        parts = tuple(part.strip() for part in named.split(","))
        if len(parts) > 1 and set(parts) <= set(table.columns):
            return parts
    if problem != "multi_label" or has_column("label", table, columns, OTHER_NAMES):
        return ()
    present = [name for name in labels if name in table.columns]
    if present:
        for name in labels:
            table.column(name)
        return tuple(labels)
    found = () if labels else zero_one_columns(table, columns)
    if found:
        logging.info("%s: the labels are the columns of 0 and 1: %s", table.source, _list(found))
    return found


def _in_order(names, labels, where):
    if labels and set(names) != set(labels) and len(names) != len(labels):
        raise DataError(f"{where}: columns names {len(names)} columns of labels, and there are {len(labels)} labels")
    return names if not labels or set(names) == set(labels) else tuple(labels)


def _rows_of(table, names):
    """A list of 0 and 1 for each row, None for one without labels."""
    rows: list[list[int] | None] = []
    for i, row in enumerate(zip(*(table.column(name) for name in names), strict=True)):
        digits = [None if is_missing(cell) else _digit(cell, truth=True) for cell in map(plain, row)]
        if all(is_missing(cell) or digit == -1 for cell, digit in zip(map(plain, row), digits, strict=True)):
            rows.append(None)
            continue
        for name, cell, digit in zip(names, row, digits, strict=True):
            if digit not in (0, 1):
                message = f"column {name!r} of a label holds {cell!r:.60}; it is 0 or 1, or -1 in all of these columns"
                raise table.row_error(i, message, "a label column that is neither 0 nor 1")
        rows.append(digits)
    return rows


def _digit(cell: Any, *, truth: bool = False) -> int | None:
    """-1, 0 or 1 of a cell in any of its forms, with `truth` also of true and false; else None."""
    name = name_of(cell)
    if name is None:
        return None
    if truth and name.casefold() in ("true", "false"):
        return int(name.casefold() == "true")
    return {"-1": -1, "0": 0, "1": 1}.get(whole(name))


def _list(names):
    return ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
