"""Flags that `evaluate`, `predict` and `export` share, and what they read."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import flags, logging

from tfbert import data
from tfbert.data.reading import FORMATS
from tfbert.files import read_json_object

if TYPE_CHECKING:
    from tfbert.data.bad_rows import Policy, Reported
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

_WITHOUT_NAMES = ("tsv", "csv", "conll")  # formats whose files may have no names of columns


def read(source: str, bad_rows: Policy = "error") -> Table:
    """The table at `source`, with the run's `column_names` and `format` unless flags give others."""
    return data.read(source, bad_rows=bad_rows, **_as_trained(source))


def stream(source: str, task: Task, bad_rows: Policy | Reported = "error") -> Iterator[Table]:
    """The tables of `source`, as `tfbert.data.stream` cuts it; plain text is the task's text, whatever its name."""
    from tfbert.bulk.columns import bare_texts

    settings = _as_trained(source)
    is_text = source == "-" or _format(source, settings) == "txt"
    for table in data.stream(source, bad_rows=bad_rows, **settings):
        yield bare_texts(table, task) if is_text else table


def _as_trained(source):
    """The format, encoding and names of columns that flags give, or else those of the run's files."""
    settings = {"column_names": tuple(_COLUMN_NAMES.value or ()), "format": _FORMAT.value, "encoding": _ENCODING.value}
    run = _run_config()
    if settings["format"] is None:
        settings["format"] = _format_of_run(source, run)
    if settings["encoding"] is None and source != "-" and not source.startswith("tfds:"):
        settings["encoding"] = run.get("encoding") or None
    if _COLUMN_NAMES.value is None and _format(source, settings) in _WITHOUT_NAMES:
        settings["column_names"] = tuple(run.get("column_names") or ())
    return settings


def _run_config():
    """The config of the run whose folder, or the model/ in it, is --model; {} where it is another model."""
    model = pathlib.Path(MODEL.value)
    for folder in (model, model.parent) if model.name == "model" else (model,):
        if (folder / "config.json").exists():
            found = read_json_object(folder / "config.json")
            if "train" in found:
                return found
    return {}


def _format_of_run(source, run):
    """The format of the run's files where it was given by name, and the suffix of `source` says no other."""
    found = run.get("format") or None
    if found is None or source.startswith("tfds:"):
        return None
    if source == "-":
        if found not in ("txt", "jsonl"):
            logging.warning("standard input is read as a text a line; --format=%s reads it as the run's files", found)
        return None
    suffix, trained = _suffix(source), [_suffix(run[name]) for name in ("train", "dev")]
    if suffix in trained:
        return found
    if suffix in FORMATS.suffixes and suffix != ".txt":  # which says what is in a file, as .txt does not
        return None
    if suffix == ".txt" and found != "txt":
        logging.warning("%s is read as %s, as the run's files are; --format=txt reads a text a line", source, found)
    return found


def _format(source, settings):
    return settings["format"] or FORMATS.suffixes.get(_suffix(source))


def _suffix(source):
    return pathlib.PurePath(source.lower().removesuffix(".gz")).suffix


def columns(task: Task) -> dict[str, str]:
    """The task's columns, changed by the flags that were given."""
    given = {part: flag.value for part, flag in _COLUMNS.items() if flag.value}
    return {**task.columns, **given}
