"""JSON Lines: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.readers.rows import ObjectRows
from tfbert.errors import ConfigError, RowError


def json_rows(
    lines: Iterable[str], name: str, column_names: Sequence[str] = (), bad_rows: BadRows = REFUSING
) -> ObjectRows:
    r"""The rows of JSON lines; a line of white space is skipped.

    Raises:
        ConfigError: `column_names` were given, and each object names its own.
        RowError, when rows are taken: a line that is no JSON object, unless `bad_rows` skips it.

    >>> list(json_rows(['{"text": "a film"}\n', "\n"], "texts.jsonl").take())
    [{'text': 'a film'}]
    """
    if column_names:
        raise ConfigError(f"{name}: each line of JSON names its own columns; leave out column_names")
    return ObjectRows(_objects(lines, name, bad_rows), name, bad_rows=bad_rows)


def _objects(lines: Iterable[str], name: str, bad_rows: BadRows) -> Iterator[tuple[int, dict[str, Any], int]]:
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            bad_rows.add(_json_error(name, number, line, error))
            continue
        if not isinstance(row, dict):
            message = f"{name}, line {number}: not a JSON object; each line must be one, {{...}}"
            bad_rows.add(RowError(message, "no JSON object"))
            continue
        yield number, row, len(line)


def _json_error(name: str, number: int, line: str, error: Exception) -> RowError:
    if isinstance(error, json.JSONDecodeError):
        hint = ""
        if number == 1 and (line.strip() in ("[", "{") or line.startswith("[")):
            hint = "; one array, or objects over many lines, are read by --format=json, in Python format='json'"
        elif name == "standard input":
            hint = '; standard input that begins with "{" is read as JSON, unless format="txt"'
        return RowError(f"{name}, line {number}, column {error.colno}: not JSON: {error.msg}{hint}", "no JSON")
    reason = "nested too deep" if isinstance(error, RecursionError) else error
    return RowError(f"{name}, line {number}: JSON that cannot be read: {reason}", "no JSON")
