"""The report of a pretraining run: curves, and what the model fills into held-out texts over time."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

from tfbert.runs.logs.history_file import read_history
from tfbert.runs.report.curves import curves_section
from tfbert.runs.report.page import Section, metrics_section, note, settings_section, write_page

if TYPE_CHECKING:
    from tfbert.data.pretraining.shards import Shards

_STEPS = 5  # of those that a text is shown at, the first and the last among them


def write_pretraining_report(
    folder: pathlib.Path,
    *,
    config: dict[str, Any],
    history: list[dict[str, Any]],
    metrics: dict[str, float],
    data: Shards,
) -> None:
    """Writes report.html into a run folder.

    Args:
        config: its settings, a dict.
        history: the rows of its metrics.jsonl.
        metrics: of the last evaluation.
        data: the training `Shards`.
    """
    share = data.tokens / (data.rows * data.max_length)
    write_page(
        folder / "report.html",
        title=folder.name,
        source=str(data.folder),
        facts=[f"{data.rows:,} rows", f"{data.tokens:,} tokens", f"{share:.1%} of the places in rows are tokens"],
        sections=[
            metrics_section(metrics),
            curves_section(history),
            _filled_masks(read_history(folder / "filled_masks.jsonl")),
            settings_section(config),
        ],
    )


def _filled_masks(lines):
    """For each text [(step, pieces)] at some of the steps; a piece is a text or [what was filled in, the truth]."""
    if not lines:
        return note("Filled-in masks", "No held-out texts were filled in.")
    last = len(lines) - 1
    chosen = [lines[i] for i in sorted({round(k * last / (_STEPS - 1)) for k in range(_STEPS)})]
    texts = [[(line["step"], line["rows"][row]) for line in chosen] for row in range(len(chosen[0]["rows"]))]
    return Section("Filled-in masks", "filled_masks", texts)
