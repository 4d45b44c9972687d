"""JSON files that are not JSON lines: one array, one object with the rows in it, or objects over many lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from absl import logging

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.missing_column import listed
from tfbert.data.readers.json_lines import json_rows
from tfbert.data.readers.json_text import Value, json_values
from tfbert.data.readers.rows import ObjectRows
from tfbert.errors import ConfigError, DataError, RowError, did_you_mean

_FIRST_LINES = 10  # which show whether they are JSON lines
# Keys whose list of objects is the rows of the file; other keys are named by "json:KEY".
_ROWS = ("data", "rows", "examples", "instances", "items", "records", "samples", "entries")
_PARTS = ("train", "training", "dev", "valid", "validation", "test")


def json_document_rows(
    lines: Iterable[str],
    name: str,
    column_names: Sequence[str] = (),
    bad_rows: BadRows = REFUSING,
    path: str = "",
) -> ObjectRows:
    r"""The rows of a JSON file of any of these shapes; a file of the first three is read in constant memory.

    One object a line; one array of objects; objects over many lines, one after another; one object with the list of
    rows under a key such as "data", or as pandas writes a table (`orient` "columns", "index", "split").

    Args:
        path: where the rows are, such as "data.items": keys of objects, within each element of lists; "*" is each value
            of an object.

    Raises:
        DataError: the file is no JSON or ends too soon, with line and column; an object whose rows cannot be told.
        RowError, when rows are taken: an element that is no object, unless `bad_rows` skips it.

    >>> list(json_document_rows(['{"version": 1, "data": [\n', '{"text": "a film"}]}\n'], "texts.json").take())
    [{'text': 'a film'}]
    """
    if column_names:
        raise ConfigError(f"{name}: the objects of JSON name their own columns; leave out column_names")
    lines = iter(lines)
    first = list(itertools.islice(lines, _FIRST_LINES))
    array = "".join(first).lstrip().startswith("[")
    one_line = sum(bool(line.strip()) for line in first) == 1
    if not path and not array and not one_line and any(map(_is_object, first)):
        return json_rows(itertools.chain(first, lines), name, column_names, bad_rows)
    values = json_values(itertools.chain(first, lines), name)
    begin = list(itertools.islice(values, 2))
    if path:
        found = (
            row for value in itertools.chain(begin, values) for row in _at(value.value, path.split("."), name, path)
        )
        return ObjectRows(_objects(_numbered(found), name, "row", bad_rows), name, "row", bad_rows)
    if array and begin and isinstance(begin[0].value, list):
        raise DataError(f"{name}: an array of arrays, whose columns have no names; write an array of objects")
    if array or len(begin) > 1:
        return ObjectRows(_objects(itertools.chain(begin, values), name, "line", bad_rows), name, "line", bad_rows)
    if not begin:
        return ObjectRows((), name)
    (document,) = begin
    if not isinstance(document.value, dict):
        return ObjectRows(_objects(begin, name, "line", bad_rows), name, "line", bad_rows)
    rows = _rows_in(document.value, name, one_line)
    if rows is None:
        return ObjectRows(_objects(begin, name, "line", bad_rows), name, "line", bad_rows)
    return ObjectRows(_objects(_numbered(rows), name, "row", bad_rows), name, "row", bad_rows)


def _is_object(line: str) -> bool:
    """Whether a line is a JSON object by itself, at the margin."""
    if not line.startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _numbered(rows: Iterable[Any]) -> Iterator[Value]:
    return (Value(number, row, len(str(row))) for number, row in enumerate(rows, 1))


def _objects(
    values: Iterable[Value], name: str, unit: str, bad_rows: BadRows
) -> Iterator[tuple[int, dict[str, Any], int]]:
    for number, value, size in values:
        if isinstance(value, dict):
            yield number, value, size
        else:
            bad_rows.add(RowError(f"{name}, {unit} {number}: not a JSON object, {{...}}", "no JSON object"))


def _at(value: Any, keys: Sequence[str], name: str, path: str) -> Iterator[Any]:
    """The rows at a path."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, keys, name, path)
        return
    if not keys:
        yield value
        return
    if not isinstance(value, dict):
        raise DataError(f"{name}: no {keys[0]!r} of the path {path!r} here, where there is no object")
    if keys[0] == "*":
        for item in value.values():
            yield from _at(item, keys[1:], name, path)
    elif keys[0] in value:
        yield from _at(value[keys[0]], keys[1:], name, path)
    else:
        raise DataError(
            f"{name}: no {keys[0]!r} of the path {path!r}; the keys there are {listed(value)}"
            f"{did_you_mean(keys[0], value)}"
        )


def _rows_in(document: dict[str, Any], name: str, one_line: bool) -> list | None:
    """The rows of a file that is one object; None where the object is itself a row."""
    rows = _pandas_rows(document)
    if rows is not None:
        logging.info("%s: its object is read as a table that pandas has written", name)
        return rows
    lists = [key for key, value in document.items() if isinstance(value, list) and _all_objects(value)]
    keys = [key for key in lists if key.lower() in _ROWS]
    if len(keys) == 1:
        rows = document[keys[0]]
        if any(isinstance(row.get(key), list) for row in rows[:1] for key in ("paragraphs", "qas")):
            raise DataError(
                f"{name}: it seems to be a document as SQuAD's; give --format=squad, in Python format='squad'"
            )
        logging.info("%s: its rows are the list %r", name, keys[0])
        return rows
    if keys or any(key.lower() in _PARTS for key in lists):
        raise DataError(f"{name}: its rows may be in {listed(lists)}; {_say_where(lists[0])}")
    if len(document) > 1 and _all_objects(list(document.values())):
        raise DataError(
            f"{name}: one object, whose values are objects; if these are the rows, {_say_where('*')}; if it is one "
            "row, name the file .jsonl"
        )
    if one_line:
        return None
    if lists:
        raise DataError(
            f"{name}: one object over many lines, whose rows cannot be told; {_say_where(lists[0])}, or if it is one "
            "row write it in one line"
        )
    sizes = {len(value) if isinstance(value, list) else 0 for value in document.values()}
    if len(sizes) == 1 and sizes.pop() > 1:
        raise DataError(
            f"{name}: one object of lists; if these are columns, write an array of objects (pandas' orient='records'), "
            "and if it is one row write it in one line"
        )
    return None


def _say_where(path: str) -> str:
    return f"give --format=json:{path}, in Python format='json:{path}'"


def _all_objects(values: list) -> bool:
    return bool(values) and all(isinstance(value, dict) for value in values)


def _pandas_rows(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of what `DataFrame.to_json` writes with orient "split", "columns" or "index"; None for other objects."""
    names, data = document.get("columns"), document.get("data")
    if isinstance(names, list) and isinstance(data, list) and set(document) <= {"columns", "index", "data"}:
        if all(isinstance(row, list) and len(row) == len(names) for row in data) and _all_texts(names):
            return [dict(zip(names, row, strict=True)) for row in data]
    values = list(document.values())
    if not _all_objects(values):
        return None
    keys = [list(value) for value in values]
    if keys[0] and all(other == keys[0] for other in keys) and all(key.isdecimal() for key in keys[0]):
        return [{column: cells[key] for column, cells in document.items()} for key in keys[0]]
    if all(key.isdecimal() for key in document):
        return values
    return None


def _all_texts(values: list) -> bool:
    return all(isinstance(value, str) for value in values)
