"""Prints the metrics of a model on a labelled file, as a JSON object; --report writes a page like a run's report too:

tfbert evaluate --model=runs/mine --data=test.tsv
"""

import json

from absl import flags

from tfbert import models
from tfbert.data.bad_rows import POLICIES
from tfbert.launch import model_flags

_DATA = flags.DEFINE_string("data", None, "Labelled data: .tsv, .csv, .jsonl (or .gz), tfds:NAME:SPLIT.", required=True)
_BAD_ROWS = flags.DEFINE_enum(
    "bad_rows",
    "error",
    POLICIES,
    "What to do with a row that cannot be used: error, or skip, which counts it as skipped_rows.",
)
_REPORT = flags.DEFINE_string("report", None, "HTML file to write: confusion matrix, worst mistakes, ….")


def main(argv: list[str]) -> None:
    table = model_flags.read(_DATA.value, bad_rows=_BAD_ROWS.value)

    from tfbert.bulk.columns import warn_of_unread
    from tfbert.data.bad_rows import usable
    from tfbert.data.batching.batches import Batches
    from tfbert.models.prediction import BATCH_SIZE
    from tfbert.runs.bad_rows import skipped_rows
    from tfbert.runs.report.report import write_report
    from tfbert.tasks.task import check_trainable

    model = models.load(model_flags.MODEL.value)
    check_trainable(model.task, "tfbert evaluate")
    task = model.task.with_columns(model_flags.columns(model.task))
    warn_of_unread(table, task)
    examples, table = usable(table, task.examples)
    table.bad_rows.warn(len(table))
    batches = Batches(
        examples, task.features, task.target, batch_size=model_flags.BATCH_SIZE.value or BATCH_SIZE, shuffle=False
    )
    model.compile(metrics=[])
    metrics, answers = model.evaluate_answers(batches, verbose="auto")
    if _REPORT.value:
        evaluation = task.evaluation(examples, answers, token_lengths=batches.lengths, data=_DATA.value)
        config = {"model": model_flags.MODEL.value, "data": _DATA.value}
        about = {"title": _DATA.value, "config": config, "history": [], **skipped_rows(table)}
        write_report(_REPORT.value, evaluation=evaluation, **about)
    print(json.dumps({**metrics, **skipped_rows(table)}))
