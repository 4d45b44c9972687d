"""The example of question answering: which columns it reads, and where in its context an answer stands. B rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tfbert.data.readers.squad import answers_of
from tfbert.errors import DataError
from tfbert.tasks.columns import column_name

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.question_answering.task import QuestionAnswering

_TEXTS_THAT_TELL = 1000  # contexts that the language is guessed from


def read(task: QuestionAnswering, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: question, context; labelled also answers, answer_start, answer_end.

    `answers` is a list of texts for each row, [] for none. `answer_start` and `answer_end` int32 [B] say which
    characters of the context the first answer that stands there is; -1 where there is none.

    For `training` rows whose answers stand nowhere in their context are left out.

    Raises:
        DataError: a missing column, a cell that holds no answers; in training, an answer whose place is outside
            its context and that stands nowhere in it, or nothing to learn from.
    """
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    questions, contexts = (
        table.text_column(column_name(part, table, task.columns, {})) for part in ("question", "context")
    )
    columns: dict[str, Any] = {"question": questions, "context": contexts}
    if not labelled:
        return columns
    answers, faults = _answers(table, task.columns), _Faults(table)
    spans: np.ndarray = np.full((len(table), 2), -1, np.int32)
    kept = []
    for i, (row, context) in enumerate(zip(answers, contexts, strict=True)):
        found = [faults.noted(i, answer, context) for answer in row]
        span = next((span for span in found if span), None)
        if span:
            spans[i] = span
        elif training:
            if not row and not task.unanswerable:
                raise DataError(f"{_place(table, i)}: no answer; give the setting unanswerable=True to learn from it")
            if row and not _inside(row[0], context):
                raise DataError(f"{_place(table, i)}: {_fault(row[0], context)}")
        if span or not row or not training:
            kept.append(i)
    faults.warn()
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
    return not all(_answers(table, columns))


def language_of(table: Table, columns: Mapping[str, str]) -> str:
    """ "zh" where most letters of the first contexts are Chinese, else "en"."""
    contexts = table.text_column(column_name("context", table, columns, {}))[:_TEXTS_THAT_TELL]
    letters = [character for context in contexts for character in context if character.isalpha()]
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in letters)
    return "zh" if 2 * chinese > len(letters) else "en"


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
    cells = table.column(column_name("answers", table, columns, {}))
    return [answers_of(cell, _place(table, i)) for i, cell in enumerate(cells)]


def _place(table, i):
    """A row for messages, with the question's id where the table has one."""
    ids = table.columns.get("id")
    return table.row_name(i) + (f" (question {ids[i]!r})" if ids else "")


def _inside(answer, context):
    return answer["start"] is not None and 0 <= answer["start"] < len(context)


def _fault(answer, context):
    text = answer["text"] if len(answer["text"]) <= 60 else answer["text"][:57] + "..."
    at = "" if answer["start"] is None else f"does not stand at its start {answer['start']:,} and "
    return f"the answer {text!r} {at}is nowhere in its context of {len(context):,} characters"


class _Faults:
    """Counts the answers that do not stand where they say, as published sets have them."""

    def __init__(self, table):
        self._table, self._moved, self._lost = table, [], []

    def noted(self, i, answer, context):
        """Where the answer stands, or None."""
        span = located(answer, context)
        if span is None:
            self._lost.append((i, answer, context))
        elif answer["start"] is not None:
            if answer["start"] < 0 or not context.startswith(answer["text"], answer["start"]):
                self._moved.append(i)
        return span

    def warn(self):
        """One line for all of them."""
        parts = []
        if self._moved:
            parts.append(
                f"{len(self._moved):,} answers do not stand at their start and were taken from the nearest place "
                f"(the first: {_place(self._table, self._moved[0])})"
            )
        if self._lost:
            i, answer, context = self._lost[0]
            parts.append(
                f"{len(self._lost):,} answers stand nowhere in their context and train nothing "
                f"(the first: {_place(self._table, i)}: {_fault(answer, context)})"
            )
        if parts:
            logging.warning("%s", "; ".join(parts))
