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


def read(source, *, as_trained=True):
    """The table at `source`; a run's `column_names` hold for it too unless it brings its own."""
    names = _COLUMN_NAMES.value
    run_config = pathlib.Path(MODEL.value) / "config.json"
    if names is None and as_trained and run_config.exists():
        names = json.loads(run_config.read_text(encoding="utf-8")).get("column_names")
    return data.read(source, column_names=tuple(names or ()))


def columns(task):
    """The task's columns, changed by the flags that were given."""
    given = {part: flag.value for part, flag in _COLUMNS.items() if flag.value}
    return {**task.columns, **given}
