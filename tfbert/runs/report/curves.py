"""The report's training curves: a figure for each metric of metrics.jsonl."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfbert.runs.report import plots
from tfbert.runs.report.page import Figure, Section, figures_section

_POINTS = 1500  # of a curve at most, so that a long run's stays small


def curves_section(history: list[dict[str, Any]]) -> Section:
    """A figure for each metric over the steps, train and dev in one."""
    axis = next((key for key in ("step", "epoch") if any(_finite(row.get(key)) for row in history)), None)
    points = {}  # name -> {x: value}; a step that a resumed run wrote again counts once
    dropped = {}  # name -> number of values that are not finite
    for row in history:
        for name, value in row.items():
            if name in ("step", "epoch", "time") or not _finite(row.get(axis)):
                continue
            if _finite(value):
                points.setdefault(name, {})[float(row[axis])] = float(value)
            elif isinstance(value, float):
                dropped[name] = dropped.get(name, 0) + 1
    names = list(dict.fromkeys(name.removeprefix("val_") for name in [*points, *dropped]))
    last = ["learning_rate", "tokens_per_second"]
    names.sort(key=lambda name: (name != "loss", f"val_{name}" not in points, name not in last))
    figures = []
    for name in names:
        lines = {kind: points.get(prefix + name) for kind, prefix in (("train", ""), ("dev", "val_"))}
        lost = dropped.get(name, 0) + dropped.get("val_" + name, 0)
        label = name.replace("_per_", " per ").replace("_", " ")
        train, dev = (_thin(np.array(sorted(line.items())).T) if line else None for line in lines.values())
        figures.append(
            Figure(
                label[:1].upper() + label[1:],
                plots.curve(train, dev, axis, label) if any(lines.values()) else "",
                f"{lost:,} not finite, left out" if lost else "",
                tuple((kind, kind) for kind, line in lines.items() if line),
            )
        )
    return figures_section("Training", figures, "No history was kept.")


def _thin(line):
    """Means of neighbouring points of `line` [2, n], `_POINTS` at most."""
    step = -(-line.shape[1] // _POINTS)
    starts = np.arange(0, line.shape[1], step)
    return np.add.reduceat(line, starts, axis=1) / np.diff(np.append(starts, line.shape[1]))


def _finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value)
