"""Flags and reading that `evaluate` and `predict` share."""

import json
import pathlib

from absl import flags

from tfbert import data

MODEL = flags.DEFINE_string("model", None, "Run folder, or model folder.", required=True)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", None, "Texts computed at once; 32, or more short ones, unless given.", 1
)
_COLUMNS = {
    "text": flags.DEFINE_string("text_column", None, "Column of the text, if not the training file's."),
    "text_pair": flags.DEFINE_string("text_pair_column", None, "Column of the second text."),
    "label": flags.DEFINE_string("label_column", None, "Column of the label."),
}
_COLUMN_NAMES = flags.DEFINE_list("column_names", None, "Names of the columns of a file without a header line.")
_FORMAT = flags.DEFINE_string("format", None, "Format of the file, where its suffix does not say it.")


def read(source):
    """The table at `source`; a run's `column_names` and `format` hold for it too unless flags say otherwise."""
    return data.read(source, **_as_trained())


def stream(source):
    """The tables of `source`, as `tfbert.data.stream` cuts it."""
    # A file of bare texts has no columns to name, whatever the training file had.
    has_columns = source.lower().removesuffix(".gz").endswith((".tsv", ".csv"))
    return data.stream(source, **(_as_trained() if has_columns else _as_told()))


def _as_told():
    return {"column_names": tuple(_COLUMN_NAMES.value or ()), "format": _FORMAT.value}


def _as_trained():
    told = _as_told()
    run_config = pathlib.Path(MODEL.value) / "config.json"
    if run_config.exists():
        run = json.loads(run_config.read_text(encoding="utf-8"))
        if _COLUMN_NAMES.value is None:
            told["column_names"] = tuple(run.get("column_names") or ())
        told["format"] = told["format"] or run.get("format") or None
    return told


def columns(task):
    """The task's columns, changed by the flags that were given."""
    given = {part: flag.value for part, flag in _COLUMNS.items() if flag.value}
    return {**task.columns, **given}
