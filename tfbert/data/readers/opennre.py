"""OpenNRE's rows: a text or its tokens, and objects that say where the head and the tail stand."""

from __future__ import annotations

from typing import Any

from tfbert.data.readers.token_spans import joined, with_columns
from tfbert.data.table import Table
from tfbert.errors import DataError

_ENTITIES = ("h", "t")


def is_opennre(table: Table) -> bool:
    """Whether a table has its columns h and t."""
    return all(name in table.columns for name in _ENTITIES)


def of_opennre(table: Table) -> Table:
    """Rows of {"text" or "token", "h": {"name", "pos"}, "t": {…}, "relation"} as text, head, tail and label.

    `pos` is [start, end), in characters of a text or in tokens. Source: Han et al. 2019, OpenNRE; its wiki80, nyt10
    and wiki20m are such files.

    Raises:
        DataError: entities of another form, such as FewRel's lists.
        RowError: a place outside of the text.

    >>> row = {"token": ["Ada", "saw", "Rome"], "h": {"pos": [0, 1]}, "t": {"pos": [2, 3]}, "relation": "visited"}
    >>> list(of_opennre(Table.from_columns({name: [value] for name, value in row.items()})))[0]["head"]
    [0, 3]
    """
    name = next((name for name in ("token", "tokens") if name in table.columns), "text")
    texts = table.list_column(name) if name != "text" else table.text_column(name)
    columns: dict[str, list[Any]] = {"text": [], "head": [], "tail": []}
    for i, (text, *entities) in enumerate(zip(texts, *(table.column(part) for part in _ENTITIES), strict=True)):
        places = [_place(entity, table, i) for entity in entities]
        if name != "text":
            spans = {part: (place[0], place[1]) for part, place in zip(_ENTITIES, places, strict=True)}
            text, places = joined(table, i, text, spans, inclusive=False)
        for part, value in zip(columns, (text, *places), strict=True):
            columns[part].append(value)
    return with_columns(table, columns)


def _place(entity, table, i):
    if isinstance(entity, list):
        raise DataError(
            f"{table.row_name(i)}: 'h' and 't' are lists, as FewRel has them; OpenNRE's rows are read, with "
            '{"name", "pos": [start, end]} for each'
        )
    place = entity.get("pos") if isinstance(entity, dict) else None
    if not isinstance(place, (list, tuple)) or [type(number) for number in place] != [int, int]:
        message = f"'h' and 't' hold {{\"name\", \"pos\": [start, end]}}, not {entity!r:.60}"
        raise table.row_error(i, message, "an entity of another form")
    return list(place)
