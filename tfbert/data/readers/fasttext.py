"""Texts with their labels as fastText reads them: `__label__NAME` before the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.readers.rows import ListRows
from tfbert.errors import ConfigError, RowError

_PREFIX = "__label__"
# Words are between spaces and tabs; other white space is part of one.
_LABELS = re.compile(rf"(?:{_PREFIX}[^ \t]*(?:[ \t]+|$))*")
_LATER = re.compile(rf"[ \t]{_PREFIX}")


def begins_fasttext(text: str) -> bool:
    """Whether a text file that begins so is of this form.

    >>> begins_fasttext("__label__good a fine film")
    True
    """
    return text.lstrip().startswith(_PREFIX)


def fasttext_rows(
    lines: Iterable[str], name: str, column_names: Sequence[str] = (), bad_rows: BadRows = REFUSING
) -> ListRows:
    r"""Lines `__label__a __label__b text` -> columns label and text; a blank line is skipped.

    The label is a text, unless a row up to here or in the same table has several: then all are lists. A line without a
    label has none. Source: Joulin et al. 2017, fasttext.cc/docs/en/supervised-tutorial.html (cooking.stackexchange);
    Amazon Reviews on Kaggle (train.ft.txt).

    Raises:
        RowError, when rows are taken: a line with labels and no text, or with a label within its text.

    >>> list(fasttext_rows(["__label__sauce __label__cheese How do I thicken it?\n"], "cooking.train").take())
    [{'label': ['sauce', 'cheese'], 'text': 'How do I thicken it?'}]
    """
    if column_names:
        raise ConfigError(f"{name}: lines of fastText have the columns label and text; leave out column_names")
    return ListRows(_objects(lines, name, bad_rows), name, bad_rows=bad_rows, list_columns=("label",))


def _objects(lines: Iterable[str], name: str, bad_rows: BadRows) -> Iterator[tuple[int, dict[str, Any], int]]:
    for number, line in enumerate(lines, 1):
        line = line.strip(" \t\r\n")
        if not line:
            continue
        end = _LABELS.match(line).end()
        labels = [label.removeprefix(_PREFIX) for label in re.split("[ \t]+", line[:end].rstrip(" \t")) if label]
        text = line[end:]
        if not text:
            bad_rows.add(RowError(f"{name}, line {number}: no text after its labels", "no text"))
        elif not all(labels):
            bad_rows.add(RowError(f"{name}, line {number}: {_PREFIX} without a name", "an empty label"))
        elif _LATER.search(text):
            message = f"{name}, line {number}: a {_PREFIX} stands within the text; labels stand before it"
            bad_rows.add(RowError(message, "a label within the text"))
        else:
            yield number, {**({"label": labels} if labels else {}), "text": text}, len(line)
