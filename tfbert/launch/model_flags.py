"""Flags that `evaluate`, `predict` and `export` share, and what they read."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import flags

from tfbert import data
from tfbert.files import read_json_object

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.task import Task

MODEL = flags.DEFINE_string("model", None, "Run folder, or model folder.", required=True)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", None, "Texts computed at once; unless given 32, or more of short texts.", 1
)
_COLUMNS = {
    "text": flags.DEFINE_string("text_column", None, "Column of the text, if it is not the training file's."),
    "text_pair": flags.DEFINE_string("text_pair_column", None, "Column of the second text."),
    "label": flags.DEFINE_string("label_column", None, "Column of the label."),
}
_COLUMN_NAMES = flags.DEFINE_list("column_names", None, "Names of the columns of a file without a header line.")
_FORMAT = flags.DEFINE_string("format", None, "Format of the file, if its suffix does not say it.")
_ENCODING = flags.DEFINE_string("encoding", None, "Encoding of the file, if it is not UTF-8: latin-1, utf-16, ….")


def read(source: str) -> Table:
    """The table at `source`, with the run's `column_names` and `format` unless flags give others."""
    return data.read(source, **_as_trained())


def stream(source: str) -> Iterator[Table]:
    """The tables of `source`, as `tfbert.data.stream` cuts it."""
    # A file of bare texts has no columns to name, whatever the training file had.
    has_columns = source.lower().removesuffix(".gz").endswith((".tsv", ".csv"))
    return data.stream(source, **(_as_trained() if has_columns else _as_flags_say()))


def _as_flags_say():
    return {"column_names": tuple(_COLUMN_NAMES.value or ()), "format": _FORMAT.value, "encoding": _ENCODING.value}


def _as_trained():
    settings = _as_flags_say()
    run_config = pathlib.Path(MODEL.value) / "config.json"
    if run_config.exists():
        run = read_json_object(run_config)
        if _COLUMN_NAMES.value is None:
            settings["column_names"] = tuple(run.get("column_names") or ())
        settings["format"] = settings["format"] or run.get("format") or None
        settings["encoding"] = settings["encoding"] or run.get("encoding") or None
    return settings


def columns(task: Task) -> dict[str, str]:
    """The task's columns, changed by the flags that were given."""
    given = {part: flag.value for part, flag in _COLUMNS.items() if flag.value}
    return {**task.columns, **given}
