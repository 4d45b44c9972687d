"""Questions, contexts and answers of one JSON document: SQuAD 1.1, SQuAD 2.0 and CMRC 2018."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.table import Table
from tfbert.errors import DataError, NoRowsError, RowError

_KEY = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:\s*')
_COMMA = re.compile(r"\s*,")
_FIRST_ARTICLE = re.compile(r'\s*\[\s*(\{\s*"(?:title|paragraphs|id)")?')
_IN_ARTICLE = re.compile(r'"paragraphs"\s*:\s*\[|"context"\s*:.*"question"\s*:|"question"\s*:.*"context"\s*:', re.S)
# The cell of a DataFrame of the hub's SQuAD: {'text': array(['Rome'], dtype=object), 'answer_start': [0]}.
_OBJECT = re.compile(r"""\s*\[?\s*\{\s*(?:'|")(?:text|answer_start|start)(?:'|")\s*:""")
_ARRAY = re.compile(r"array\((\[[^\[\]]*\])(?:,\s*dtype=\w+)?\)")
_TRUTH = {**dict.fromkeys(("true", "yes", "1", "1.0"), True), **dict.fromkeys(("false", "no", "0", "0.0", ""), False)}


def begins_squad(text: str) -> bool:
    """Whether a file that begins with `text` is a document of this form and not JSON lines.

    "data" may stand after keys of any name and value, such as the version as a number.

    >>> begins_squad('{"language": "de", "version": 2.0, "data": [{"title": "Rom"')
    True
    """
    text = text.lstrip("\ufeff \t\r\n")
    place = 1
    while text[:1] == "{" and (key := _KEY.match(text, place)):
        if key[1] == "data":
            return _is_article(text[key.end() :])
        try:
            _, place = json.JSONDecoder().raw_decode(text, key.end())
        except (ValueError, RecursionError):
            return False
        comma = _COMMA.match(text, place)
        if not comma:
            return False
        place = comma.end()
    return False


def _is_article(text):
    """Whether a list of articles, which may be cut off, begins here."""
    begin = _FIRST_ARTICLE.match(text)
    if not begin:
        return False
    try:
        first, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except (ValueError, RecursionError):
        return begin[1] is not None or _IN_ARTICLE.search(text) is not None
    return "paragraphs" in first or {"context", "question"} <= first.keys()


def read_squad(lines: Iterable[str], name: str, bad_rows: BadRows = REFUSING) -> Table:
    """The lines of a document -> a `Table` of id, question, context, answers and is_impossible.

    `answers` is a list of {"text", "start"}; start counts characters, and is None if the file does not give it. The
    list is empty for a question without an answer, as an impossible one is, whatever it lists. A document without any
    "answers", such as a test set, has no such column. Source: rajpurkar.github.io/SQuAD-explorer; CMRC 2018 adds an id
    to each paragraph and has no is_impossible; the Hugging Face hub's form has questions with their context in "data".

    Raises:
        DataError: not a document of this form, or a truncated one; names the article, paragraph and question. A
            question that cannot be read is a `RowError`, unless `bad_rows` skips it.

    >>> question = '{"id": "1", "question": "What is old?", "answers": [{"text": "Rome", "answer_start": 0}]}'
    >>> document = '{"data": [{"paragraphs": [{"context": "Rome is old.", "qas": [%s]}]}]}' % question
    >>> read_squad([document], "train.json").column("answers")
    [[{'text': 'Rome', 'start': 0}]]
    """
    columns: dict[str, list] = {"id": [], "question": [], "context": [], "answers": [], "is_impossible": []}
    without_answers: set[int] = set()
    labelled, contradictions, unsaid, places = False, [], [], 0
    for where, paragraph, question in _questions(_parsed("".join(lines), name), name):
        places += 1
        i = len(columns["id"])
        try:
            values = _question(where, paragraph, question)
        except DataError as error:
            bad_rows.add(RowError(str(error), "a question that cannot be read"), i)
            continue
        impossible, found = values["is_impossible"], values["answers"]
        if impossible and found:
            contradictions.append(i)
        if not impossible and not found and "is_impossible" in question:
            unsaid.append(i)
        if "answers" not in question and not impossible:
            without_answers.add(i)
        labelled |= "answers" in question
        values["answers"] = [] if impossible else found
        for column, value in values.items():
            columns[column].append(value)
    if not places:
        raise NoRowsError(f"{name}: no questions in it")
    if without_answers and not labelled:
        del columns["answers"], columns["is_impossible"]
        without_answers = set()
    absent = {"answers": without_answers} if without_answers else None
    table = Table(columns, source=name, absent=absent, bad_rows=bad_rows)
    table.note("questions are impossible and have answers, which are left out", contradictions)
    if labelled and any(columns["is_impossible"]):
        table.note("questions are not impossible and have no answer; they count as impossible", unsaid)
    return table


def _questions(document: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """(place, paragraph, question) of each question."""
    for a, article in enumerate(_list(document, "data", name)):
        where = f"{name}, article {a}"
        if isinstance(article, dict) and isinstance(article.get("title"), str):
            where += f" ({article['title']})"
        if isinstance(article, dict) and "paragraphs" not in article and {"context", "question"} <= article.keys():
            yield f"{name}, question {a}", article, article
            continue
        for p, paragraph in enumerate(_list(article, "paragraphs", where)):
            place = f"{where}, paragraph {p}"
            for q, question in enumerate(_list(paragraph, "qas", place)):
                yield f"{place}, question {q}", paragraph, question


def _question(where: str, paragraph: dict, question: Any) -> dict[str, Any]:
    """The columns of one question, with the answers that it lists."""
    place, _, _ = where.rpartition(", ")
    context = _text(paragraph, "context", place)
    text, number = _text(question, "question", where), str(_value(question, "id", where))
    here = f"{place}, question {number!r}"
    impossible = is_true(question.get("is_impossible"))
    if impossible is None:
        raise DataError(f"{here}: is_impossible is {question['is_impossible']!r:.60}, not true or false")
    # Plausible answers, which have a key of their own, are wrong ones.
    answers = answers_of(question.get("answers"), here)
    return {"id": number, "question": text, "context": context, "answers": answers, "is_impossible": impossible}


def is_true(value: Any) -> bool | None:
    """A truth value in any of its forms, such as "false", 0 or None, which is false; None of anything else.

    >>> is_true("False"), is_true(1), is_true(None), is_true("perhaps")
    (False, True, False, None)
    """
    if isinstance(value, float) and math.isnan(value):
        return False
    if value is None or isinstance(value, (bool, int, float, str)):
        return _TRUTH.get("" if value is None else str(value).strip().casefold())
    return None


def answers_of(cell: Any, where: str) -> list[dict[str, Any]]:
    """A cell of answers in any of the usual forms -> a list of {"text", "start"}, without empty texts.

    The forms: a text; a list of texts or of objects with "text" and "answer_start" (or "start"); one such
    object, also with lists in it, as in the Hugging Face hub's SQuAD; any of these objects as pandas writes it; None.

    Raises:
        DataError: any other value; `where` says which row it is in.

    >>> answers_of({"text": ["Rome"], "answer_start": [0]}, "line 1")
    [{'text': 'Rome', 'start': 0}]
    """
    if isinstance(cell, str) and _OBJECT.match(cell):
        try:
            cell = ast.literal_eval(_ARRAY.sub(r"\1", cell.strip()))
        except (ValueError, SyntaxError, RecursionError):
            raise DataError(
                f"{where}: an answer that is written as an object and cannot be read: {cell!r:.60}"
            ) from None
    if cell is None or isinstance(cell, float) and math.isnan(cell):
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
