"""The report of a run: one HTML page, readable offline and on paper, without scripts."""

import numpy as np

from tfbert.files import replace_file
from tfbert.tasks.evaluation import Answers, Evaluation
from tfbert.runs.report import markup, plots
from tfbert.runs.report.printable import number
from tfbert.runs.report.answers import answers
from tfbert.runs.report.results import results


def write_report(path, *, title: str, config: dict, history: list[dict], evaluation: Evaluation | Answers):
    """Writes the page to `path`: metrics, curves, errors by label, the worst mistakes and the config.

    `history` holds the rows of metrics.jsonl; keys may be missing, values NaN.

    >>> write_report("runs/mine/report.html", title="SST-2", config={"epochs": 3},
    ...              history=[{"step": 200, "loss": 0.41}, {"step": 400, "val_loss": 0.35}],
    ...              evaluation=evaluation)
    """
    rows = len(evaluation.texts)
    if rows:
        body, mistakes = (answers if isinstance(evaluation, Answers) else results)(evaluation)
    else:
        body, mistakes = markup.note("No rows were evaluated."), markup.note("No rows were evaluated, so no mistakes.")
    sections = {
        "Metrics": tiles(evaluation.metrics),
        "Training": curves(history),
        "Results": body,
        "Token lengths": _token_lengths(evaluation.token_lengths),
        "Worst mistakes": mistakes,
        "Configuration": configuration(config),
    }
    facts = f"{markup.bdi(evaluation.data)} · {rows:,} row{'s' * (rows != 1)}"
    if evaluation.labels:
        facts += f" · {len(evaluation.labels):,} label{'s' * (len(evaluation.labels) != 1)}"
    write_page(path, title, facts, sections)


def write_page(path, title, facts, sections):
    """Writes a page of sections, {heading: HTML}, under a title and a line of facts (HTML)."""
    anchors = {name: name.lower().replace(" ", "-") for name in sections}
    links = "".join(f'<a href="#{anchors[name]}">{name}</a>' for name in sections)
    content = "".join(
        f'<section id="{anchors[name]}"><h2>{name}</h2>{part}</section>\n' for name, part in sections.items()
    )
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{markup.escape(title)}</title><style>{markup.CSS}</style></head>\n<body>"
        f'<header><h1>{markup.bdi(title)}</h1><p class="facts">{facts}</p><nav>{links}</nav></header>\n'
        f"<main>{content}</main></body></html>\n"
    )
    with replace_file(path) as file:
        file.write(page)


def tiles(metrics):
    """Metrics as large numbers."""
    shown = "".join(
        f"<div><dt>{markup.bdi(name.replace('_', ' '))}</dt><dd>{markup.escape(number(value))}</dd></div>"
        for name, value in metrics.items()
    )
    return f'<dl class="tiles">{shown}</dl>' if shown else markup.note("No metrics were computed.")


def curves(history):
    """A figure for each metric of metrics.jsonl over the steps."""
    axis = next((key for key in ("step", "epoch") if any(_finite(row.get(key)) for row in history)), None)
    points = {}  # name -> {x: value}; a step that a resumed run wrote again counts once
    dropped = {}  # name -> values that are not finite
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
        keys = [f'<span class="key {kind}">{kind}</span>' for kind, line in lines.items() if line]
        lost = dropped.get(name, 0) + dropped.get("val_" + name, 0)
        keys += [f"{lost:,} not finite, left out"] if lost else []
        label = name.replace("_per_", " per ").replace("_", " ")
        arrays = [_thin(np.array(sorted(line.items())).T) if line else None for line in lines.values()]
        svg = plots.curve(*arrays, axis, label) if any(lines.values()) else ""
        figures.append(markup.figure(label[:1].upper() + label[1:], " ".join(keys), svg))
    return f'<div class="figures">{"".join(figures)}</div>' if figures else markup.note("No history was kept.")


def _thin(line, most=1500):
    """Means of neighbouring points of `line` [2, n], so that a long run's curve stays small."""
    step = -(-line.shape[1] // most)
    return np.add.reduceat(line, (starts := np.arange(0, line.shape[1], step)), axis=1) / np.diff(
        np.append(starts, line.shape[1])
    )


def _token_lengths(lengths):
    if not len(lengths):
        return markup.note("No rows were evaluated.")
    high, most = float(np.percentile(lengths, 95)), int(lengths.max())
    marks = [(high, f"95 %: {high:,.0f}"), (most, f"longest: {most:,}")]
    about = f"Median {np.median(lengths):,.0f}, 95th percentile {high:,.0f}, longest {most:,} tokens."
    svg = plots.histogram(lengths, "tokens per row", "rows", marks, whole=True)
    return f'<div class="figures">{markup.figure("Tokens of the evaluated rows", about, svg)}</div>'


def configuration(config):
    """All settings in a table that opens."""

    def flat(prefix, value):
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from flat([*prefix, str(key)], inner)
        else:
            yield [markup.bdi(".".join(prefix)), markup.bdi(str(value))]

    cells = list(flat([], config)) if config else []
    if not cells:
        return markup.note("No configuration was given.")
    return (
        f"<details><summary>{len(cells):,} settings</summary>{markup.table(['Setting', 'Value'], cells, 2)}</details>"
    )


def _finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value)
