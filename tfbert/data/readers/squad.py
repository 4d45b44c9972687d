"""Questions, contexts and answers of one JSON document: SQuAD 1.1, SQuAD 2.0 and CMRC 2018."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from tfbert.data.table import Table
from tfbert.errors import DataError, NoRowsError

# What such a document begins with; "data" may stand before "version".
_BEGIN = re.compile(r'\s*\{\s*("version"\s*:\s*"[^"]*"\s*,\s*)?"data"\s*:\s*\[\s*\{\s*"(title|paragraphs|id)"')


def begins_squad(text: str) -> bool:
    """Whether a file that begins with `text` is a document of this form and not JSON lines.

    >>> begins_squad('{"version": "v1.0", "data": [{"title": "Rome"')
    True
    """
    return _BEGIN.match(text) is not None


def read_squad(lines: Iterable[str], name: str) -> Table:
    """The lines of a document -> a `Table` of id, question, context, answers and is_impossible.

    `answers` is a list of {"text", "start"}; start counts characters, and is None if the file does not give it. The
    list is empty for a question without an answer. A document without any "answers", such as a test set, has no such
    column. Source: rajpurkar.github.io/SQuAD-explorer; CMRC 2018 adds an id to each paragraph and has no is_impossible.

    Raises:
        DataError: not a document of this form, or a truncated one; names the article, paragraph and question.

    >>> question = '{"id": "1", "question": "What is old?", "answers": [{"text": "Rome", "answer_start": 0}]}'
    >>> document = '{"data": [{"paragraphs": [{"context": "Rome is old.", "qas": [%s]}]}]}' % question
    >>> read_squad([document], "train.json").column("answers")
    [[{'text': 'Rome', 'start': 0}]]
    """
    document = _parsed("".join(lines), name)
    columns: dict[str, list] = {"id": [], "question": [], "context": [], "answers": [], "is_impossible": []}
    without_answers: set[int] = set()
    for a, article in enumerate(_list(document, "data", name)):
        where = f"{name}, article {a}"
        if isinstance(article, dict) and isinstance(article.get("title"), str):
            where += f" ({article['title']})"
        for p, paragraph in enumerate(_list(article, "paragraphs", where)):
            place = f"{where}, paragraph {p}"
            context = _text(paragraph, "context", place)
            for q, question in enumerate(_list(paragraph, "qas", place)):
                here = f"{place}, question {q}"
                columns["question"].append(_text(question, "question", here))
                columns["id"].append(str(_value(question, "id", here)))
                here = f"{place}, question {columns['id'][-1]!r}"
                if "answers" not in question:
                    without_answers.add(len(columns["answers"]))
                # The answers that an impossible question lists are plausible and wrong.
                impossible = bool(question.get("is_impossible", False))
                answers = [] if impossible else answers_of(question.get("answers", ()), here)
                columns["context"].append(context)
                columns["answers"].append(answers)
                columns["is_impossible"].append(impossible)
    if not columns["id"]:
        raise NoRowsError(f"{name}: no questions in it")
    if len(without_answers) == len(columns["id"]):
        del columns["answers"], columns["is_impossible"]
        without_answers = set()
    return Table(columns, source=name, absent={"answers": without_answers} if without_answers else None)


def answers_of(cell: Any, where: str) -> list[dict[str, Any]]:
    """A cell of answers in any of the usual forms -> a list of {"text", "start"}, without empty texts.

    The forms: a text; a list of texts or of objects with "text" and "answer_start" (or "start"); one such
    object, also with lists in it, as in the Hugging Face hub's SQuAD; None.

    Raises:
        DataError: any other value; `where` says which row it is in.

    >>> answers_of({"text": ["Rome"], "answer_start": [0]}, "line 1")
    [{'text': 'Rome', 'start': 0}]
    """
    if cell is None:
        return []
    if isinstance(cell, dict) and isinstance(cell.get("text"), (list, tuple)):
        starts = cell.get("answer_start", cell.get("start"))
        starts = [None] * len(cell["text"]) if starts is None else starts
        if not isinstance(starts, (list, tuple)) or len(starts) != len(cell["text"]):
            raise DataError(f"{where}: an answer has as many starts as texts, not {cell!r}")
        cell = [{"text": text, "start": start} for text, start in zip(cell["text"], starts, strict=True)]
    elif not isinstance(cell, (list, tuple)):
        cell = [cell]
    answers = [_answer(value, where) for value in cell]
    return [answer for answer in answers if answer["text"].strip()]


def _answer(value: Any, where: str) -> dict[str, Any]:
    if isinstance(value, str):
        return {"text": value, "start": None}
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise DataError(f'{where}: an answer is a text, or an object with "text" and "answer_start", not {value!r}')
    start = value.get("answer_start", value.get("start"))
    if start is not None and (isinstance(start, bool) or not isinstance(start, int)):
        raise DataError(f"{where}: the start of an answer is a number of characters, not {start!r}")
    return {"text": value["text"], "start": start}


def _parsed(text: str, name: str) -> Any:
    if not text.strip():
        raise NoRowsError(f"{name}: the file is empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        hint = "the document ends too soon; copy it again" if end else "SQuAD is one JSON document"
        raise DataError(f"{name}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}; {hint}") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else error
        raise DataError(f"{name}: JSON that cannot be read: {reason}") from None


def _value(holder: Any, key: str, where: str) -> Any:
    if not isinstance(holder, dict):
        raise DataError(f"{where}: must be an object with {key!r}, not {type(holder).__name__}")
    if holder.get(key) is None:
        raise DataError(f"{where}: no {key!r} here; it has {', '.join(map(repr, holder)) or 'nothing'}")
    return holder[key]


def _list(holder: Any, key: str, where: str) -> list:
    value = _value(holder, key, where)
    if not isinstance(value, list):
        raise DataError(f"{where}: {key!r} must be a list, not {type(value).__name__}")
    return value


def _text(holder: Any, key: str, where: str) -> str:
    value = _value(holder, key, where)
    if not isinstance(value, str):
        raise DataError(f"{where}: {key!r} must be a text, not {type(value).__name__}")
    return value
