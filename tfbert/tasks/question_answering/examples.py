"""The example of question answering: which columns it reads, and where in its context an answer stands. B rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.data.readers.squad import answers_of, is_true
from tfbert.errors import DataError, RowError
from tfbert.tasks.columns import column_name

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.question_answering.task import QuestionAnswering


def read(task: QuestionAnswering, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: question, context; labelled also answers, answer_start, answer_end.

    `answers` is a list of texts for each row, [] for none. `answer_start` and `answer_end` int32 [B] say which
    characters of the context the first answer that stands there is; -1 where there is none.

    For `training` rows whose answers stand nowhere in their context are left out.

    Raises:
        DataError: a missing column; in training, nothing to learn from. A `RowError`: a cell that holds no answers; in
            training, an answer whose place is outside its context and that stands nowhere in it.
    """
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    questions, contexts = (
        table.text_column(column_name(part, table, task.columns, {})) for part in ("question", "context")
    )
    columns: dict[str, Any] = {"question": questions, "context": contexts}
    if not labelled:
        return columns
    answers = _answers(table, task.columns)
    spans: np.ndarray = np.full((len(table), 2), -1, np.int32)
    kept, moved, lost = [], [], []
    for i, (row, context) in enumerate(zip(answers, contexts, strict=True)):
        found = [located(answer, context) for answer in row]
        moved += [i for answer, span in zip(row, found, strict=True) if span and _is_moved(answer, context)]
        lost += [i for span in found if span is None]
        span = next((span for span in found if span), None)
        if span:
            spans[i] = span
        elif training:
            if not row and not task.unanswerable:
                message = (
                    "no answer; give the setting unanswerable=True (--config.settings.unanswerable=True) to learn "
                    "from it"
                )
                raise _row_error(table, i, message, "no answer")
            if row and not _inside(row[0], context):
                raise _row_error(table, i, _fault(row[0], context), "an answer that stands nowhere")
        if span or not row or not training:
            kept.append(i)
    table.note("answers do not stand at their start and are taken from the nearest place", moved)
    if lost:
        fault = _fault(next(a for a in answers[lost[0]] if not located(a, contexts[lost[0]])), contexts[lost[0]])
        use = "train nothing" if training else "cannot be found"
        table.note(f"answers stand nowhere in their context and {use} ({fault})", lost)
    columns["answers"] = [[answer["text"] for answer in row] for row in answers]
    columns["answer_start"], columns["answer_end"] = spans[:, 0], spans[:, 1]
    if training and not (spans[:, 0] >= 0).any():
        raise DataError(f"{table.source}: no question has an answer in its context; nothing can be learned")
    if len(kept) < len(table):
        columns = {
            name: values[kept] if isinstance(values, np.ndarray) else [values[i] for i in kept]
            for name, values in columns.items()
        }
    return columns


def has_unanswerable(table: Table, columns: Mapping[str, str]) -> bool:
    """Whether some question of a table has no answer."""
    return not all(_answers(table.select(slice(None), quiet=True), columns))


def located(answer: dict[str, Any], context: str) -> tuple[int, int] | None:
    """(begin, end) in characters of an answer's text in its context, nearest to where it says; None if nowhere.

    What a tokenizer drops at the ends, spaces and control characters, is left out.

    >>> located({"text": "Rome ", "start": 40}, "Rome, or Rome in Georgia")
    (9, 13)
    """
    text, start = answer["text"], answer["start"]
    begin = 0 if start is None else start
    if begin < 0 or context[begin : begin + len(text)] != text:
        begin = context.find(text)
        if begin < 0:
            return None
        following = begin
        while following >= 0 and start is not None:
            if abs(following - start) < abs(begin - start):
                begin = following
            following = context.find(text, following + 1)
    end = begin + len(text)
    while begin < end and _is_dropped(context[begin]):
        begin += 1
    while begin < end and _is_dropped(context[end - 1]):
        end -= 1
    return (begin, end) if begin < end else None


def _is_dropped(character):
    return unicodedata.category(character)[0] in "CZ"


def _answers(table, columns):
    """The answers of each row; none of an impossible question, whatever it lists."""
    name, impossible = column_name("answers", table, columns, {}), [False] * len(table)
    if "is_impossible" in table.columns:
        for i, cell in enumerate(table.columns["is_impossible"]):
            truth = is_true(cell)
            if truth is None:
                raise _row_error(
                    table, i, f"is_impossible is {cell!r:.60}, not true or false", "neither true nor false"
                )
            impossible[i] = truth
    if name in table.columns and any(impossible):  # which need not say that they have no answers
        possible = [i for i, is_none in enumerate(impossible) if not is_none]
        try:
            table.select(possible).column(name)
        except RowError as error:
            raise RowError(str(error), error.kind, None if error.row is None else possible[error.row]) from None
        cells = table.columns[name]
    else:
        cells = table.column(name)
    rows = []
    for i, cell in enumerate(cells):
        try:
            rows.append(answers_of(cell, _place(table, i)))
        except DataError as error:
            raise RowError(str(error), "no answers", i) from None
    contradictions = [i for i, row in enumerate(rows) if row and impossible[i]]
    table.note("questions are impossible and have answers, which are left out", contradictions)
    return [[] if is_none else row for row, is_none in zip(rows, impossible, strict=True)]


def _place(table, i):
    """A row for messages, with the question's id where the table has one."""
    ids = table.columns.get("id")
    return table.row_name(i) + (f" (question {ids[i]!r})" if ids else "")


def _row_error(table, i, message, kind):
    return RowError(f"{_place(table, i)}: {message}", kind, i)


def _is_moved(answer, context):
    """Whether an answer's text does not stand at its start."""
    start = answer["start"]
    return start is not None and (start < 0 or not context.startswith(answer["text"], start))


def _inside(answer, context):
    return answer["start"] is not None and 0 <= answer["start"] < len(context)


def _fault(answer, context):
    text = answer["text"] if len(answer["text"]) <= 60 else answer["text"][:57] + "..."
    at = "" if answer["start"] is None else f"does not stand at its start {answer['start']:,} and "
    return f"the answer {text!r} {at}is nowhere in its context of {len(context):,} characters"
