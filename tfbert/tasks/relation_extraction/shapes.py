"""The shapes that relations are published in -> the task's own columns: text, with marks or with head and tail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfbert.data.readers.opennre import is_opennre, of_opennre
from tfbert.data.readers.tacred import is_tacred, of_tacred
from tfbert.tasks.relation_extraction.entities import HEAD_MARKS, TAIL_MARKS

if TYPE_CHECKING:
    from tfbert.data.table import Table

# << head >> and [[ tail ]], as in ChemProt (Kringelum et al. 2016) in the files of Beltagy et al. 2019.
_OTHER_MARKS = (
    (re.compile(r"<<\s*(.*?)\s*>>", re.DOTALL), HEAD_MARKS),
    (re.compile(r"\[\[\s*(.*?)\s*\]\]", re.DOTALL), TAIL_MARKS),
)


def usual(table: Table, columns: Mapping[str, str]) -> Table:
    """A table of TACRED's or OpenNRE's shape in the task's own; any other as it is.

    >>> usual(table, {}) is table
    True
    """
    if "text" in columns or "head" in columns:
        return table
    if is_tacred(table):
        return of_tacred(table)
    return of_opennre(table) if is_opennre(table) else table


def with_usual_marks(text: str) -> str:
    """A text that marks its entities << head >> and [[ tail ]], once each, as <e1>…</e1> and <e2>…</e2>.

    >>> with_usual_marks("<< audits >> about [[ waste ]]")
    '<e1>audits</e1> about <e2>waste</e2>'
    """
    marks = ("<<", ">>", "[[", "]]")
    if any(text.count(mark) != 1 for mark in marks) or any(mark in text for mark in (*HEAD_MARKS, *TAIL_MARKS)):
        return text
    for pattern, (opening, closing) in _OTHER_MARKS:
        text = pattern.sub(rf"{opening}\1{closing}", text)
    return text
