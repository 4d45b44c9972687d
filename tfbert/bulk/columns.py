"""The columns of files beside those of a model: which hold the text, which are not read, which are kept."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import logging

from tfbert.data.table import Table
from tfbert.errors import ConfigError

if TYPE_CHECKING:
    from tfbert.models.text_model import TextModel
    from tfbert.tasks.task import Task

Keep = Sequence[str] | Mapping[str, str]


def text_column(task: Task) -> str:
    """What a table calls the task's text, of several the first: the one column of plain text, whatever its name.

    >>> text_column(tfbert.load("runs/mine").task)
    'text'
    """
    part = task.text_inputs[0]
    return task.columns.get(part, part)


def bare_texts(table: Table, task: Task) -> Table:
    """A table of plain text with the task's name for its column; any other as it is."""
    if list(table.columns) != ["text"]:
        return table
    return _with_columns(table, {text_column(task): table.columns["text"]})


def without_unread(table: Table, task: Task) -> Table:
    """The table without columns that are parts of an example, but that the task's settings leave unread."""
    unread = task.unread_columns(table)
    if not unread:
        return table
    return _with_columns(table, {name: values for name, values in table.columns.items() if name not in unread})


def warn_of_unread(table: Table, task: Task) -> None:
    """Logs a warning that names such columns."""
    if unread := task.unread_columns(table):
        names = ", ".join(map(repr, unread))
        logging.warning("%s: the model was trained without %s, and does not read it", table.source, names)


def kept_columns(table: Table, keep: Keep) -> dict[str, list]:
    """{name in the answers: values} of the columns to keep: a list of names, or of NAME=COLUMN; or {name: column}.

    >>> kept_columns(Table.from_columns({"text": ["dull"], "label": ["bad"]}), ["gold=label"])
    {'gold': ['bad']}
    """
    if not isinstance(keep, Mapping):
        pairs = ((item, "", "") if item in table.columns else item.partition("=") for item in keep)
        keep = {name: column or name for name, _, column in pairs}
    return {name: table.column(column) for name, column in keep.items()}


def check_kept(kept: Mapping[str, Any], others: Iterable[str], whose: str) -> None:
    """Raises ConfigError for a name of a kept column that something else in the answers' file has.

    Args:
        others: the names that are taken.
        whose: they are, for the message.
    """
    for name in kept:
        if name in others:
            raise ConfigError(
                f"keep: {whose} has a {name!r} of its own, so the column needs another: --keep=gold_{name}={name}, "
                f"in Python keep={{'gold_{name}': '{name}'}}"
            )


def answer_names(model: TextModel, table: Table) -> set[str]:
    """The names in the readable answers to a table, of which the first row is answered."""
    return set().union(*model.answers_to(table.select([0]), None, 0))


def _with_columns(table, columns):
    table = copy.copy(table)
    table.columns = columns
    return table
