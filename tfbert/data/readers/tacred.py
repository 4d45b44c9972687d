"""TACRED's rows: tokens, and the places of a subject and an object among them."""

from __future__ import annotations

from typing import Any

from tfbert.data.readers.token_spans import joined, with_columns
from tfbert.data.table import Table

_PLACES = ("subj_start", "subj_end", "obj_start", "obj_end")
_TOKENS = ("token", "tokens")


def is_tacred(table: Table) -> bool:
    """Whether a table has one of its columns of places."""
    return any(name in table.columns for name in _PLACES)


def of_tacred(table: Table) -> Table:
    """Rows of {"token", "subj_start", "subj_end", "obj_start", "obj_end", "relation"} as text, head, tail and label.

    The tokens are joined by spaces. Ends are inclusive there, and head and tail are [start, end) in characters. Source:
    Zhang et al. 2017, and the files of TACRED, TACREV and Re-TACRED.

    Raises:
        DataError: one of the columns is missing.
        RowError: a place that is none of the tokens.

    >>> row = {"token": ["Ada", "saw", "Rome"], "subj_start": 0, "subj_end": 0, "obj_start": 2, "obj_end": 2}
    >>> list(of_tacred(Table.from_columns({name: [value] for name, value in row.items()})))[0]["tail"]
    [8, 12]
    """
    name = next((name for name in _TOKENS if name in table.columns), _TOKENS[0])
    rows = zip(table.list_column(name), *(table.column(place) for place in _PLACES), strict=True)
    columns: dict[str, list[Any]] = {"text": [], "head": [], "tail": []}
    for i, (tokens, subject_start, subject_end, object_start, object_end) in enumerate(rows):
        text, (head, tail) = joined(
            table, i, tokens, {"subj": (subject_start, subject_end), "obj": (object_start, object_end)}, inclusive=True
        )
        columns["text"].append(text)
        columns["head"].append(head)
        columns["tail"].append(tail)
    return with_columns(table, columns)
