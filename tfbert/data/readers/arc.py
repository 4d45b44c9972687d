"""Questions with lettered choices: ARC, OpenBookQA and CommonsenseQA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfbert.data.table import Table

_ANSWERS = ("answerKey", "answer", "label")


def has_lettered_choices(table: Table, columns: Mapping[str, str]) -> bool:
    """Whether the question or the choices of a table's first row are objects, and `columns` names none of them."""
    if {"prompt", "choices"} & set(columns):
        return False
    question, choices = (table.columns.get(name, [None])[0] for name in ("question", "choices"))
    with_texts = isinstance(choices, dict) or (isinstance(choices, list) and choices and isinstance(choices[0], dict))
    return isinstance(question, dict) or bool(with_texts)


def of_lettered_choices(table: Table) -> Table:
    """Rows of {"question": {"stem", "choices": [{"text", "label"}, …]}, "answerKey"} as prompt, choices and label.

    The answer is one of the labels, such as "A" or "1", whatever those of other rows are. The Hugging Face hub's form,
    {"question", "choices": {"text": […], "label": […]}, "answerKey"}, is read too. An answer of "" is none: label is
    None then. Sources: Clark et al. 2018, ARC; Talmor et al. 2019, CommonsenseQA; Mihaylov et al. 2018, OpenBookQA.

    Raises:
        RowError: a row of another form, or an answer that is none of its labels.

    >>> row = {"stem": "Which is old?", "choices": [{"text": "Rome", "label": "1"}, {"text": "Ada", "label": "2"}]}
    >>> list(of_lettered_choices(Table.from_columns({"question": [row], "answerKey": ["2"]})))[0]["label"]
    1
    """
    answers = next((name for name in _ANSWERS if name in table.columns), None)
    columns: dict[str, list[Any]] = {"prompt": [], "choices": []}
    labels = []
    for i, row in enumerate(table):
        prompt, texts, names = _parts(row, table, i)
        columns["prompt"].append(prompt)
        columns["choices"].append(texts)
        if answers is not None:
            answer = str(row.get(answers) or "").strip()
            if answer and answer not in names:
                message = f"the answer {answer!r} is none of the labels {', '.join(names)}"
                raise table.row_error(i, message, "a label that names no choice")
            labels.append(names.index(answer) if answer else None)
    new = table.select(slice(None))
    new.columns.update(columns)
    if answers is not None:
        new.columns["label"] = labels
    new.columns = {name: values for name, values in new.columns.items() if name not in ("question", "answerKey")}
    return new


def _parts(row, table, i):
    """The prompt, and the texts and labels of the choices."""
    question = row.get("question", row.get("question_stem"))
    prompt, choices = question, row.get("choices")
    if isinstance(question, dict):
        prompt, choices = question.get("stem"), question.get("choices", choices)
    if isinstance(choices, dict):
        texts, names = choices.get("text"), choices.get("label")
    elif isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices):
        texts, names = ([choice.get(key) for choice in choices] for key in ("text", "label"))
    else:
        texts = names = None
    if not (isinstance(prompt, str) and _are_texts(texts) and _are_texts(names) and len(texts) == len(names)):
        message = (
            'a question as in ARC is {"question": {"stem", "choices": [{"text", "label"}, …]}, "answerKey"}, '
            f"not {row!r:.80}"
        )
        raise table.row_error(i, message, "a question of another form than ARC's")
    return prompt, texts, names


def _are_texts(values):
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
