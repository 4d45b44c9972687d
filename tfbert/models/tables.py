"""What a user may give as the examples of a task -> a `Table` of strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfbert.data.readers.rows import ObjectRows
from tfbert.data.table import Table

if TYPE_CHECKING:
    from tfbert.tasks.task import Task

_SOURCE = "the given data"


def to_table(x: Any, y: Any, task: Task) -> Table | None:
    """A table of strings in any of the forms below; None for anything else, such as tensors of features.

    A `Table`; a list of dicts, one per row; a pandas DataFrame; a dict of columns; a list, array or tensor of strings,
    or of lists of words if the task takes words alone; a tuple of these if the task takes several. `y` adds the
    target's column.
    """
    if isinstance(x, list) and x and all(isinstance(row, dict) for row in x):
        x = ObjectRows(((i, row, 0) for i, row in enumerate(x)), _SOURCE, "row").take()
    if isinstance(x, Table):
        if y is not None:
            raise ValueError("a Table or a list of dicts holds its own labels; give no y")
        return x
    if hasattr(x, "columns") and hasattr(x, "to_dict"):
        x = {name: list(x[name]) for name in x.columns}
    x = _listed(x)
    if isinstance(x, (str, bytes)):
        raise TypeError("give a list of texts, not one text")
    words = _words_alone(task)
    parts = task.columns_of_tuple(len(x)) if isinstance(x, tuple) else ()
    if parts and all(isinstance(_listed(part), list) for part in x):
        x = dict(zip(parts, x, strict=True))
    elif _has_texts(x):
        x = {task.text_inputs[0]: x}
    elif words and _has_rows_of_texts(x):
        x = {words: x}
    if not isinstance(x, dict) or is_features(x):
        return None
    columns = {name: _column(values) for name, values in x.items()}
    if not any(isinstance(v, (str, bytes)) or _has_texts(v) or _has_rows_of_texts(v) for v in columns.values()):
        return None
    columns = {task.columns.get(name, name): values for name, values in columns.items()}
    if y is not None:
        name, values = task.columns.get(task.target_column, task.target_column), _column(y)
        if name in columns and not _equal(columns[name], values):
            raise ValueError(f"x has a column {name!r} of its own, and y has other values: give one of them")
        columns[name] = values
    return Table.from_columns(columns, source=_SOURCE)


def _equal(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def is_features(columns: Mapping[str, Any]) -> bool:
    """Whether a dict holds what a network reads, not columns of an example."""
    return "token_ids" in columns


def _words_alone(task):
    """The column of a signature that takes lists of words and nothing else; None if there is none."""
    alone = [column for columns in task.signatures.values() if len(columns) == 1 for column in columns.items()]
    return next((name for name, spec in alone if spec.shape.rank == 2), None)


def _column(values):
    values = _listed(list(values) if isinstance(values, tuple) else values)
    return [_cell(value) for value in values] if isinstance(values, list) else values


def _listed(values):
    """Arrays, Series and tensors of strings as lists, other tensors as arrays."""
    if isinstance(values, tf.RaggedTensor):
        return values.to_list()
    if isinstance(values, tf.Tensor):
        values = values.numpy()
    kind = getattr(getattr(values, "dtype", None), "kind", None)
    return values.tolist() if kind in ("O", "S", "T", "U") else values


def _has_texts(values):
    """Whether a list has a text, or is empty. The task reports values of other kinds."""
    return isinstance(values, list) and (not values or any(isinstance(value, (str, bytes)) for value in values))


def _has_rows_of_texts(values):
    if not isinstance(values, list) or not all(isinstance(row, (list, tuple, np.ndarray)) for row in values):
        return False
    return any(_has_texts(list(row)) for row in values if getattr(row, "ndim", 1))


def _cell(value):
    """A text as str, several as a list of str, anything else unchanged."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.ndim == 1 or isinstance(value, (list, tuple)):
        if all(isinstance(part, (str, bytes)) for part in value):
            return [_cell(part) for part in value]
    return value
