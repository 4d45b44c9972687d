"""Tokens with places of entities among them -> a text, and the places in its characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfbert.data.table import Table


def joined(
    table: Table, i: int, tokens: Any, spans: Mapping[str, tuple[Any, Any]], *, inclusive: bool
) -> tuple[str, list[list[int]]]:
    """Row `i`'s tokens joined by spaces, and each span [start, end) in characters.

    Args:
        spans: {name for messages: (start, end) in tokens}.
        inclusive: whether the end is the last token, else the one after it.

    >>> joined(table, 0, ["Ada", "saw", "Rome"], {"head": (0, 1), "tail": (2, 3)}, inclusive=False)
    ('Ada saw Rome', [[0, 3], [8, 12]])
    """
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise table.row_error(i, f"the tokens must be a list of texts, not {tokens!r:.60}", "no list of tokens")
    begins, end = [], 0
    for token in tokens:
        begins.append(end)
        end += len(token) + 1
    found = []
    for name, (start, stop) in spans.items():
        if isinstance(start, int) and isinstance(stop, int):
            last = stop if inclusive else stop - 1
            if 0 <= start <= last < len(tokens):
                found.append([begins[start], begins[last] + len(tokens[last])])
                continue
        kind = "inclusive" if inclusive else "exclusive"
        message = f"{name} from {start!r} to {stop!r} (the end {kind}) is none of its {len(tokens)} tokens"
        raise table.row_error(i, message, "an entity outside its text")
    return " ".join(tokens), found


def with_columns(table: Table, columns: dict[str, list]) -> Table:
    """The table with other columns besides; the column relation is also label, unless there is one.

    >>> with_columns(table, {"length": [4] * len(table)}).column("length")[0]
    4
    """
    new = table.select(slice(None))
    if "relation" in table.columns and "label" not in table.columns:
        columns = {**columns, "label": table.column("relation")}
    new.columns.update(columns)
    return new
