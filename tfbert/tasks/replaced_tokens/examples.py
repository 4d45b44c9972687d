"""The example of telling replaced tokens: a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfbert.errors import DataError
from tfbert.tasks.columns import column_name

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.replaced_tokens.task import ReplacedTokens


def read(task: ReplacedTokens, table: Table, *, labelled: bool) -> dict[str, Any]:
    """A checked table as the column `text` [B]. Raises DataError: no such column, or labels are asked for."""
    if labelled:
        raise DataError(
            f"{table.source}: a table does not say which tokens of its texts were replaced; `tfbert pretrain` measures "
            "a model on held-out examples of `tfbert make-examples`"
        )
    return {"text": table.text_column(column_name("text", table, task.columns, {}))}
