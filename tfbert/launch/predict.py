"""Answers for a file, or for the lines of standard input, as JSON lines:

tfbert predict --model=runs/mine --data=texts.txt --out=answers.jsonl
echo "where is my parcel" | tfbert predict --model=runs/mine
echo "Paris is the [MASK] of France." | tfbert predict --task=fill-mask --model=DIR
"""

import json
import sys

from absl import flags

from tfbert import models
from tfbert.files import replace_file
from tfbert.launch import model_flags

_DATA = flags.DEFINE_string(
    "data", "-", ".txt (a text a line), .tsv, .csv, .jsonl (or .gz), tfds:NAME:SPLIT; - is standard input."
)
_TASK = flags.DEFINE_string("task", None, "What a checkpoint is for that tfbert did not save, such as fill-mask.")
_OUT = flags.DEFINE_string("out", "-", "File of JSON lines; - is standard output.")


def main(argv):
    # A file of bare texts has no columns to name, whatever the training file had.
    source = _DATA.value
    table = model_flags.read(source, as_trained=source.removesuffix(".gz").endswith((".tsv", ".csv")))
    model = models.load(model_flags.MODEL.value, task=_TASK.value)
    model.set_task(model.task.with_columns(model_flags.columns(model.task)))
    answers = model.predict(table, batch_size=model_flags.BATCH_SIZE.value)
    texts = model.task.examples(table, labelled=False) if len(table) else {}
    lines = (
        json.dumps({**dict(zip(texts, row, strict=True)), **answer}, ensure_ascii=False) + "\n"
        for *row, answer in zip(*texts.values(), answers, strict=True)
    )
    if _OUT.value == "-":
        sys.stdout.writelines(lines)
        sys.stdout.flush()
        return
    with replace_file(_OUT.value) as file:
        file.writelines(lines)
