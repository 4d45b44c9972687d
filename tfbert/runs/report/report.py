"""The report of a run: one HTML page, readable offline and on paper, without scripts."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tfbert.runs.report import plots
from tfbert.runs.report.answers import answer_sections
from tfbert.runs.report.curves import curves_section
from tfbert.runs.report.page import Figure, figures_section, metrics_section, note, settings_section, write_page
from tfbert.runs.report.results import result_sections
from tfbert.tasks.evaluation import Answers, Evaluation


def write_report(
    path: str | os.PathLike,
    *,
    title: str,
    config: dict[str, Any],
    history: list[dict[str, Any]],
    evaluation: Evaluation | Answers,
    skipped_rows: int = 0,
) -> None:
    """Writes the page to `path`: metrics, curves, errors by label, the worst mistakes and the config.

    `history` holds the rows of metrics.jsonl; keys may be missing, values NaN. `skipped_rows` of the data could not be
    used and are in no figure.

    >>> evaluation = Evaluation("single_label", ("no", "yes"), ["a film to treasure"], None, truth=np.array([1]),
    ...                         scores=np.array([[0.1, 0.9]]), thresholds=None, token_lengths=np.array([6]),
    ...                         metrics={"accuracy": 1.0}, data="dev.tsv")
    >>> write_report("runs/mine/report.html", title="SST-2", config={"epochs": 3},
    ...              history=[{"step": 200, "loss": 0.41}, {"step": 400, "val_loss": 0.35}],
    ...              evaluation=evaluation)
    """
    rows, labels = len(evaluation.texts), len(evaluation.labels)
    if not rows:
        results = note("Results", "No rows were evaluated.")
        mistakes = note("Worst mistakes", "No rows were evaluated, so no mistakes.")
    elif isinstance(evaluation, Answers):
        results, mistakes = answer_sections(evaluation)
    else:
        results, mistakes = result_sections(evaluation)
    write_page(
        path,
        title=title,
        source=evaluation.data,
        facts=[
            _count(rows, "row"),
            *([f"{_count(skipped_rows, 'row')} left out"] if skipped_rows else []),
            *([_count(labels, "label")] if labels else []),
        ],
        sections=[
            metrics_section(evaluation.metrics),
            curves_section(history),
            results,
            _token_lengths(evaluation.token_lengths),
            mistakes,
            settings_section(config),
        ],
    )


def _count(number, what):
    return f"{number:,} {what}{'s' * (number != 1)}"


def _token_lengths(lengths):
    figures = []
    if len(lengths):
        high, most = float(np.percentile(lengths, 95)), int(lengths.max())
        marks = [(high, f"95 %: {high:,.0f}"), (most, f"longest: {most:,}")]
        about = f"Median {np.median(lengths):,.0f}, 95th percentile {high:,.0f}, longest {most:,} tokens."
        svg = plots.histogram(lengths, "tokens per row", "rows", marks, whole=True)
        figures.append(Figure("Tokens of the evaluated rows", svg, about))
    return figures_section("Token lengths", figures, "No rows were evaluated.")
