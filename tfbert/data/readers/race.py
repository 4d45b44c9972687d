"""RACE: articles with several questions each, and four options a question."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.table import Table
from tfbert.errors import NoRowsError, RowError

_KEYS = ("article", "questions", "options")


def begins_race(text: str) -> bool:
    """Whether a .json file that begins with `text` has RACE's keys.

    >>> begins_race('{"answers": ["A"], "options": [["old", "new"]], "questions": ["Rome is _ ."], "article": "Rome')
    True
    """
    return text.lstrip().startswith("{") and all(f'"{key}":' in text.replace(" :", ":") for key in _KEYS)


def read_race(lines: Iterable[str], name: str, bad_rows: BadRows = REFUSING) -> Table:
    """JSON objects, one after another -> a `Table` of id, prompt, choices and label: a row for each question.

    An object is {"id", "article", "questions": […], "options": [[…], …], "answers": ["A", …]}. The prompt is the
    article and the question with a space between them. Without "answers" there is no label. Source: Lai et al. 2017.

    Raises:
        RowError: an article of another form, unless `bad_rows` skips it.
        DataError: a file without articles.

    >>> article = {"article": "Rome is old.", "questions": ["Rome is _ ."], "options": [["new", "old"]]}
    >>> read_race([json.dumps(article)], "1.txt").column("choices")
    [['new', 'old']]
    """
    columns: dict[str, list[Any]] = {"id": [], "prompt": [], "choices": [], "label": []}
    line_numbers: list[int] = []

    def refuse(error: RowError) -> None:
        bad_rows.add(error, len(line_numbers))

    for number, article in _objects("".join(lines), name, refuse):
        fault = _fault(article)
        if fault:
            near = " as RACE has it: {article, questions, options, answers}"
            refuse(RowError(f"{name}, line {number}: {fault} in an article{near}", "no article as RACE has it"))
            continue
        answers = article.get("answers", [None] * len(article["questions"]))
        for question, options, answer in zip(article["questions"], article["options"], answers, strict=True):
            columns["id"].append(article.get("id", article.get("example_id")))
            columns["prompt"].append(f"{article['article']} {question}")
            columns["choices"].append(options)
            columns["label"].append(answer)
            line_numbers.append(number)
    if not line_numbers:
        first = f"; the first that cannot be read: {bad_rows.errors[0]}" if len(bad_rows) else ""
        raise NoRowsError(f"{name}: no questions in it{first}")
    if not any(columns["label"]):
        del columns["label"]
    return Table(columns, source=name, line_numbers=line_numbers, bad_rows=bad_rows)


def _objects(text, name, refuse):
    """(line, JSON value) of each value in a text."""
    decoder, place, counted, number = json.JSONDecoder(), 0, 0, 1
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        if place == len(text):
            return
        number, counted = number + text.count("\n", counted, place), place
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            refuse(RowError(f"{name}, line {number}: not JSON: {error}", "no JSON"))
            place = text.find("\n", place) % (len(text) + 1)
            continue
        yield from ((number, item) for item in (value if isinstance(value, list) else [value]))


def _fault(article: Any) -> str:
    """What is wrong with an article; "" where nothing is."""
    if not isinstance(article, dict):
        return "no object"
    if not isinstance(article.get("article"), str):
        return "no text 'article'"
    questions = article.get("questions")
    if not isinstance(questions, list) or not all(isinstance(question, str) for question in questions):
        return "no list of texts 'questions'"
    for key in ("options", "answers") if "answers" in article else ("options",):
        if not isinstance(article.get(key), list) or len(article[key]) != len(questions):
            return f"not as many {key!r} as questions"
    return ""
