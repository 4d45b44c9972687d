"""What a run says of rows that were left out of its data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfbert.files import replace_file

if TYPE_CHECKING:
    from tfbert.data.table import Table


def write_bad_rows(path: str | os.PathLike[str], tables: Mapping[str, Table]) -> None:
    """Writes a JSON line for each row that was left out: {"data", "source", "kind", "error"}; no file without any.

    Args:
        tables: what is read, such as "train" and "dev", and the tables of the rows that are used.
    """
    lines = [
        json.dumps({"data": name, "source": table.source, "kind": error.kind, "error": str(error)}, ensure_ascii=False)
        for name, table in tables.items()
        for error in table.bad_rows.errors
    ]
    if lines:
        with replace_file(path) as file:
            file.writelines(f"{line}\n" for line in lines)


def skipped_rows(table: Table) -> dict[str, int]:
    """{"skipped_rows": how many were left out} of a table that skips bad rows, for its metrics; {} of another.

    >>> skipped_rows(tfbert.data.Table.from_columns({"text": ["a fine film"]}))
    {}
    """
    return {"skipped_rows": len(table.bad_rows)} if table.bad_rows.policy == "skip" else {}
