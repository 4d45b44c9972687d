"""Flags and reading that `evaluate` and `predict` share."""

import json
import pathlib

from absl import flags

from tfbert import data

MODEL = flags.DEFINE_string("model", None, "Run folder, or model folder.", required=True)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Texts computed at once.", 1)
_COLUMNS = {
    "text": flags.DEFINE_string("text_column", None, "Column of the text, if not the training file's."),
    "text_pair": flags.DEFINE_string("text_pair_column", None, "Column of the second text."),
    "label": flags.DEFINE_string("label_column", None, "Column of the label."),
}
_COLUMN_NAMES = flags.DEFINE_list("column_names", None, "Names of the columns of a file without a header line.")
_FORMAT = flags.DEFINE_string("format", None, "Format of the file, where its suffix does not say it.")


def read(source, *, as_trained=True):
    """The table at `source`; a run's `column_names` and `format` hold for it too unless flags say otherwise."""
    names, format = _COLUMN_NAMES.value, _FORMAT.value
    run_config = pathlib.Path(MODEL.value) / "config.json"
    if as_trained and run_config.exists():
        run = json.loads(run_config.read_text(encoding="utf-8"))
        names = run.get("column_names") if names is None else names
        format = run.get("format") if format is None else format
    return data.read(source, column_names=tuple(names or ()), format=format or None)


def columns(task):
    """The task's columns, changed by the flags that were given."""
    given = {part: flag.value for part, flag in _COLUMNS.items() if flag.value}
    return {**task.columns, **given}
