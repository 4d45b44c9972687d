"""Answers for files of any size, or for the lines of standard input, as JSON lines:

tfbert predict --model=runs/mine --data=texts.txt --out=answers.jsonl
tfbert predict --model=runs/mine --data='logs/*.jsonl.gz' --keep=id --out=answers.jsonl.gz
echo "where is my parcel" | tfbert predict --model=runs/mine
echo "Paris is the [MASK] of France." | tfbert predict --task=fill-mask --model=DIR

Reads and answers some thousand rows at a time, in batches of texts of like length: memory does not grow with the
file. With --out, the same command goes on where it was interrupted.
"""

import glob
import os
import sys

import tqdm
from absl import flags, logging

from tfbert import models
from tfbert.bulk.predict import answered, check_first, json_lines, predict_into
from tfbert.data.readers.lines import open_data
from tfbert.errors import NoRowsError
from tfbert.launch import model_flags

_DATA = flags.DEFINE_string(
    "data",
    "-",
    "A file, or several as in 'logs/*.jsonl': .txt (a text a line), .tsv, .csv, .jsonl (or .gz), .tfrecord, .parquet, "
    "tfds:NAME:SPLIT; - is standard input.",
)
_TASK = flags.DEFINE_string(
    "task",
    None,
    "What a checkpoint is for that tfbert did not save, such as fill-mask, or module:Class for a task of your own.",
)
_OUT = flags.DEFINE_string("out", "-", "File of JSON lines, compressed where it ends in .gz; - is standard output.")
_KEEP = flags.DEFINE_list("keep", [], "Further columns of the data to write beside the answers, such as an id.")
_BAD_ROWS = flags.DEFINE_enum(
    "bad_rows",
    "stop",
    ["stop", "report"],
    "Whether a row that the task cannot read ends the program, or has an error for an answer.",
)


def main(argv):
    sources = _sources(_DATA.value)
    model = models.load(model_flags.MODEL.value, task=_TASK.value)
    model.set_task(model.task.with_columns(model_flags.columns(model.task)))
    tables = _tables(sources)
    if report_bad_rows := _BAD_ROWS.value == "report":
        tables = check_first(tables, model.task)
    settings = {
        "keep": _KEEP.value,
        "batch_size": model_flags.BATCH_SIZE.value,
        "report_bad_rows": report_bad_rows,
    }
    if _OUT.value == "-":
        for table in tables:
            sys.stdout.buffer.write(json_lines(answered(model, table, **settings)))
            sys.stdout.buffer.flush()
        return
    with tqdm.tqdm(unit=" rows", desc="predict", smoothing=0, dynamic_ncols=True) as bar:

        def after_table(rows, done_before):
            bar.initial += done_before  # counts for nothing in the speed
            bar.update(rows)

        predict_into(_OUT.value, model, tables, after_table=after_table, **settings)


def _sources(source):
    """The files that a name with * stands for; a name that is no file is an error now, not after the model is read."""
    if source == "-" or source.startswith("tfds:"):
        return [source]
    found = [source] if os.path.exists(source) else sorted(glob.glob(source, recursive=True))
    for path in found or [source]:
        open_data(path).close()
    return found


def _tables(sources):
    """The tables of all sources; one without rows has no answers, unless all are so."""
    empty = []
    for source in sources:
        try:
            yield from model_flags.stream(source)
        except NoRowsError as error:
            empty.append(error)
            if len(empty) == len(sources):
                raise
            logging.warning("%s; it has no answers", error)
