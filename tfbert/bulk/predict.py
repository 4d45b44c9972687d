"""Answers to any number of rows: table by table, in constant memory, into a file that survives interruptions."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfbert.bulk.answers_file import AnswersFile
from tfbert.bulk.columns import Keep, answer_names, check_kept, kept_columns, without_unread
from tfbert.data.table import Table
from tfbert.errors import DataError

if TYPE_CHECKING:
    from tfbert.models.text_model import TextModel
    from tfbert.tasks.task import Task


def answered(
    model: TextModel,
    table: Table,
    *,
    keep: Keep = (),
    batch_size: int | None = None,
    report_bad_rows: bool = False,
) -> list[dict[str, Any]]:
    """What `tfbert predict` writes for each row: the columns in `keep`, the task's texts, and the answer.

    Args:
        model: a task model.
        table: a `Table`, answered in batches of texts of like length.
        keep: other columns to keep, such as an id: their names, NAME=COLUMN for another name, or {name: column}.
        batch_size: texts computed at once; unless given 32, or more of short texts.
        report_bad_rows: whether a row that the task cannot read has {"error": why} for an answer, and so each in the
            table's `refused`.

    Returns: a list of dicts.

    Raises:
        DataError: a row that cannot be read, with file and row.
        ConfigError: a kept column has the name of a text or of a part of the answer.

    >>> answered(model, tfbert.data.Table.from_columns({"text": ["where is it"], "id": [7]}), keep=["id"])[0]["id"]
    7
    """
    kept = kept_columns(table, keep) if len(table) or not table.refused else {}
    errors = bad_rows(model.task, table, range(len(table))) if report_bad_rows else {}
    good = [i for i in range(len(table)) if i not in errors]
    readable = table.select(good) if errors else table
    texts = model.task.examples(readable, labelled=False) if good else {}
    readable = without_unread(readable, model.task)
    if kept:
        others = [name for name in texts if name in kept and list(texts[name]) != [kept[name][i] for i in good]]
        check_kept(kept, others, "the example")
        check_kept(kept, answer_names(model, readable) if good else (), "the answer")
        check_kept(kept, ["error"] if report_bad_rows else (), "an answer that cannot be given")
    answers = model.predict(readable, batch_size=batch_size, verbose=0) if good else []
    rows = [{"error": errors.get(i)} for i in range(len(table))]
    for i, answer, *values in zip(good, answers, *texts.values(), strict=True):
        rows[i] = {**dict(zip(texts, values, strict=True)), **answer}
    rows = [{**dict(zip(kept, values, strict=True)), **row} for row, *values in zip(rows, *kept.values(), strict=True)]
    for place, error in reversed(table.refused):
        rows.insert(place, {"error": str(error)})
    return rows


def bad_rows(task: Task, table: Table, rows: Sequence[int]) -> dict[int, str]:
    """What is wrong with each of the rows that the task cannot read, found by halving: few are bad.

    >>> bad_rows(model.task, tfbert.data.Table.from_columns({"text": ["where is it", None]}), range(2))
    {1: "memory, row 1: column 'text' holds null, not a text"}
    """
    if not rows:
        return {}
    try:
        task.examples(table.select(rows), labelled=False)
    except DataError as error:
        if len(rows) == 1:
            return {rows[0]: str(error)}
        middle = len(rows) // 2
        return bad_rows(task, table, rows[:middle]) | bad_rows(task, table, rows[middle:])
    return {}


def check_first(tables: Iterable[Table], task: Task) -> Iterator[Table]:
    """Yields the tables. Raises DataError if no row of the first can be read, as with a wrong column's name."""
    for i, table in enumerate(tables):
        if not i:
            errors = bad_rows(task, table, range(len(table)))
            if len(errors) == len(table):
                raise DataError(errors[0] if errors else str(table.refused[0][1]))
        yield table


def predict_into(
    path: str | os.PathLike,
    model: TextModel,
    tables: Iterable[Table],
    *,
    keep: Keep = (),
    batch_size: int | None = None,
    report_bad_rows: bool = False,
    after_table: Callable[[int, int], None] | None = None,
) -> int:
    """Writes the answers to tables, in their order, as JSON lines. The same call resumes after an interruption.

    What an earlier call has finished is kept beside `path` and used as long as the model, the settings and the rows are
    the same. Where rows have changed, all answers from their table on are computed again.

    Args:
        path: of the file, compressed if it ends in .gz. It appears, or is replaced, when all answers are in it.
        tables: an iterable of `Table`, cut the same way each time, as `tfbert.data.stream` does.
        keep, batch_size, report_bad_rows: as in `answered`.
        after_table: called after each table with its number of rows, and how many of them an earlier call had done.

    Returns: the number of rows.

    Raises:
        DataError: a row that cannot be read.
        DiskError: the file cannot be written, or another program writes it.

    >>> predict_into("answers.jsonl", tfbert.load("runs/mine"), tfbert.data.stream("texts.jsonl"))
    2
    """
    stated = {
        "model": _model_sha256(model),
        "keep": dict(keep) if isinstance(keep, Mapping) else list(keep),
        "report_bad_rows": report_bad_rows,
    }
    total = 0
    with AnswersFile(path, stated) as file:
        for table in tables:
            done = file.has(table)
            if not done:
                answers = answered(model, table, keep=keep, batch_size=batch_size, report_bad_rows=report_bad_rows)
                file.append(json_lines(answers))
            rows = len(table) + len(table.refused)
            total += rows
            if after_table:
                after_table(rows, rows if done else 0)
        file.finish()
    return total


def json_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    """Rows as bytes, a JSON object a line. What JSON has no value for, such as a date of Parquet, is a text."""
    lines = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    return lines.encode("utf-8", "backslashreplace")  # half of a surrogate pair is escaped, as in JSON


def _model_sha256(model):
    """Hash of all that decides an answer: weights, their type, the task's settings, the tokenizer's."""
    task = model.task
    digest = hashlib.sha256()
    computes = model.dtype_policy.name if model.stand_in is None else model.stand_in.identity
    for settings in (computes, task.name, task.settings(), task.tokenizer.get_config()):
        digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    for weight in model.weights:
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()
