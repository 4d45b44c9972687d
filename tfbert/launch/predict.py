"""Writes answers to files of any size, or to the lines of standard input, as JSON lines:

tfbert predict --model=runs/mine --data=texts.txt --out=answers.jsonl
tfbert predict --model=runs/mine --data='logs/*.jsonl.gz' --keep=id --out=answers.jsonl.gz
echo "where is my parcel" | tfbert predict --model=runs/mine
echo "Paris is the [MASK] of France." | tfbert predict --task=fill-mask --model=DIR

It reads and answers some thousand rows at a time, in batches of texts of like length, so memory does not grow with the
file. With --out, the same command resumes after an interruption.
"""

import glob
import os
import pathlib
import sys

import tqdm
from absl import flags, logging

from tfbert import models
from tfbert.bulk.columns import warn_of_unread
from tfbert.bulk.predict import answered, check_first, json_lines, predict_into
from tfbert.cpu import description, has_bfloat16, processors
from tfbert.data.readers.lines import open_data
from tfbert.errors import ConfigError, NoRowsError
from tfbert.export.engines.files import network_file
from tfbert.launch import model_flags

_DATA = flags.DEFINE_string(
    "data",
    "-",
    "A file, or several as in 'logs/*.jsonl': .txt (a text a line), .tsv, .csv, .jsonl (or .gz), .tfrecord, .parquet, "
    "a folder of texts, tfds:NAME:SPLIT; - is standard input.",
)
_TASK = flags.DEFINE_string(
    "task",
    None,
    "Task of a checkpoint that tfbert did not save, such as fill-mask, or a class of your own, package.module:Class.",
)
_UNUSED_EMBEDDINGS = flags.DEFINE_boolean(
    "unused_embeddings", False, "With --task: take an embedding with more rows than the vocabulary has tokens."
)
_OUT = flags.DEFINE_string("out", "-", "File of JSON lines, compressed where it ends in .gz; - is standard output.")
_KEEP = flags.DEFINE_list(
    "keep",
    [],
    "Other columns of the data to write beside the answers, such as an id; NAME=COLUMN writes one under another name, "
    "as gold=label, where the answer has a label of its own.",
)
_DTYPE = flags.DEFINE_enum(
    "dtype",
    "float32",
    ["float32", "bfloat16"],
    "Of matrix products: bfloat16 is faster on processors that have it, and answers differ in the third digit.",
)
_ENGINE = flags.DEFINE_enum(
    "engine",
    "tensorflow",
    ["tensorflow", "litert", "onnx"],
    "What computes: the model itself, or the LiteRT or ONNX file of its export, compared with the model on the first "
    "rows; int8 is fastest.",
)
_EXPORT = flags.DEFINE_string("export", None, "Folder that tfbert export wrote of the model, for --engine.")
_PRECISION = flags.DEFINE_enum(
    "precision",
    None,
    ["int8", "float32", "float16"],
    "Of the file of --engine=litert or onnx. Default: int8, or what the export has.",
)
_BAD_ROWS = flags.DEFINE_enum(
    "bad_rows",
    "stop",
    ["stop", "report", "error"],
    "What to do with a row that cannot be read: stop (or error, the same), or report its error in place of an answer.",
)


def main(argv: list[str]) -> None:
    sources = _sources(_DATA.value)
    _check_engine()

    import tensorflow as tf

    # One thread computes a batch, and a batch is computed for each processor: a matrix product that is shared among
    # threads waits for the slowest. oneDNN packs weights once that it may take for constant.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    os.environ.setdefault("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "1")
    settings = {"task": _TASK.value, "unused_embeddings": _UNUSED_EMBEDDINGS.value}
    if _DTYPE.value == "bfloat16":
        if not (has_bfloat16() or tf.config.list_physical_devices("GPU")):
            raise ConfigError(
                f"--dtype=bfloat16: this processor, {description()}, does not compute in bfloat16 and would take "
                "longer than in float32; leave the flag out"
            )
        settings["dtype"] = "mixed_bfloat16"
    model = models.load(model_flags.MODEL.value, **settings)
    file = _network_file(model)
    model.only_predicts(processors(), file)
    model.set_task(model.task.with_columns(model_flags.columns(model.task)))
    report_bad_rows = _BAD_ROWS.value == "report"
    tables = _tables(sources, model.task, "report" if report_bad_rows else "error")
    if report_bad_rows:
        tables = check_first(tables, model.task)
    if file is not None:
        from tfbert.bulk.engine import verified

        tables = verified(tables, file, model)
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


def _network_file(model):
    """What --engine computes with; None for the model itself."""
    if _ENGINE.value == "tensorflow":
        return None
    from tfbert.bulk.engine import NetworkFile

    return NetworkFile(_EXPORT.value, _ENGINE.value, model.task.outputs, processors(), _PRECISION.value)


def _check_engine():
    """Refuses flags that contradict --engine, before the model is read."""
    if _ENGINE.value != "tensorflow":
        if _EXPORT.value is None:
            raise ConfigError(f"--engine={_ENGINE.value} needs --export=DIR, the folder that tfbert export wrote")
        if _DTYPE.value != "float32":
            raise ConfigError("--dtype is of the model's own network; --engine has --precision")
        network_file(pathlib.Path(_EXPORT.value), _ENGINE.value, _PRECISION.value)
    elif given := [flag.name for flag in (_EXPORT, _PRECISION) if flag.value is not None]:
        raise ConfigError(f"--{given[0]} is of --engine=litert or --engine=onnx; give one, or leave it out")


def _sources(source: str) -> list[str]:
    """The files that a name with * stands for. A name that is no file is an error before the model is read."""
    if source == "-" or source.startswith("tfds:"):
        return [source]
    found = [source] if os.path.exists(source) else sorted(glob.glob(source, recursive=True))
    for path in found or [source]:
        if not os.path.isdir(path):
            open_data(path).close()
    return found


def _tables(sources, task, bad_rows):
    """The tables of all sources. One without rows has no answers; that all are without is an error."""
    empty = []
    for source in sources:
        try:
            for i, table in enumerate(model_flags.stream(source, task, bad_rows)):
                if not i:
                    warn_of_unread(table, task)
                yield table
        except NoRowsError as error:
            empty.append(error)
            if len(empty) == len(sources):
                raise
            logging.warning("%s; it has no answers", error)
