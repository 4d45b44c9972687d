"""The report of a run: one HTML page, readable offline and on paper, without scripts."""

import html

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from tfbert.files import replace_file
from tfbert.tasks.evaluation import Evaluation
from tfbert.training import plots
from tfbert.training.plots import number, printable

MISTAKES = 30  # rows shown
CLIP = 500  # characters of a text shown before "more"
MATRIX = 80  # classes that a confusion matrix still shows legibly


def write_report(path, *, title: str, config: dict, history: list[dict], evaluation: Evaluation):
    """Writes the page to `path`: metrics, curves, errors by label, the worst mistakes and the config.

    `history` holds the rows of metrics.jsonl; keys may be missing, values NaN.

    >>> write_report("runs/mine/report.html", title="SST-2", config={"epochs": 3},
    ...              history=[{"step": 200, "loss": 0.41}, {"step": 400, "val_loss": 0.35}],
    ...              evaluation=evaluation)
    """
    results = {"single_label": _single_label, "multi_label": _multi_label, "regression": _regression}
    rows = len(evaluation.texts)
    if rows:
        body, mistakes = results[evaluation.problem](evaluation)
    else:
        body, mistakes = _note("No rows were evaluated."), _note("No rows were evaluated, so no mistakes.")
    sections = {
        "Metrics": _metrics(evaluation),
        "Training": _training(history),
        "Results": body,
        "Token lengths": _token_lengths(evaluation.token_lengths),
        "Worst mistakes": mistakes,
        "Configuration": _configuration(config),
    }
    anchors = {name: name.lower().replace(" ", "-") for name in sections}
    links = "".join(f'<a href="#{anchors[name]}">{name}</a>' for name in sections)
    facts = f"{_bdi(evaluation.data)} · {rows:,} row{'s' * (rows != 1)}"
    if evaluation.labels:
        facts += f" · {len(evaluation.labels):,} label{'s' * (len(evaluation.labels) != 1)}"
    content = "".join(
        f'<section id="{anchors[name]}"><h2>{name}</h2>{part}</section>\n' for name, part in sections.items()
    )
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_escape(title)}</title><style>{CSS}</style></head>\n<body>"
        f'<header><h1>{_bdi(title)}</h1><p class="facts">{facts}</p><nav>{links}</nav></header>\n'
        f"<main>{content}</main></body></html>\n"
    )
    with replace_file(path) as file:
        file.write(page)


def _metrics(evaluation):
    tiles = "".join(
        f"<div><dt>{_bdi(name.replace('_', ' '))}</dt><dd>{_escape(number(value))}</dd></div>"
        for name, value in evaluation.metrics.items()
    )
    return f'<dl class="tiles">{tiles}</dl>' if tiles else _note("No metrics were computed.")


def _training(history):
    axis = next((key for key in ("step", "epoch") if any(_finite(row.get(key)) for row in history)), None)
    points = {}  # name -> {x: value}; a step that a resumed run wrote again counts once
    dropped = dict.fromkeys((), 0)
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
        figures.append(_figure(label[:1].upper() + label[1:], " ".join(keys), svg))
    return f'<div class="figures">{"".join(figures)}</div>' if figures else _note("No history was kept.")


def _thin(line, most=1500):
    """Means of neighbouring points of `line` [2, n], so that a long run's curve stays small."""
    step = -(-line.shape[1] // most)
    return np.add.reduceat(line, (starts := np.arange(0, line.shape[1], step)), axis=1) / np.diff(
        np.append(starts, line.shape[1])
    )


def _single_label(e):
    rows, size = e.scores.shape
    predicted = e.scores.argmax(axis=1)
    confidence = e.scores[np.arange(rows), predicted]
    truth = e.truth.astype(np.int64)
    counts = np.bincount(truth * size + predicted, minlength=size * size).reshape(size, size)
    *columns, support = precision_recall_fscore_support(
        truth, predicted, labels=range(size), average=None, zero_division=0
    )
    averages = {"Macro average": np.mean(columns, axis=1)}
    averages["Weighted average"] = np.average(columns, axis=1, weights=support)
    wrong = predicted != truth
    order = np.flatnonzero(wrong)[np.argsort(-confidence[wrong], kind="stable")[:MISTAKES]]
    found = [
        (row, _bdi(e.labels[truth[row]]), _bdi(e.labels[predicted[row]]), number(float(confidence[row])))
        for row in order
    ]
    lead = f"{int(wrong.sum()):,} of {rows:,} answers are wrong; here the most confident of them first."
    return (
        _matrix(counts, e.labels)
        + "<h3>By label</h3>"
        + _by_label(e.labels, columns, support, averages)
        + "<h3>Confidence</h3>"
        + _confidence(confidence, ~wrong, "answers", ("right", "wrong"), "Confidence (probability of answer)")
    ), _mistakes(e, found, lead, "Score")


def _matrix(counts, labels):
    size = len(labels)
    errors = counts - np.diag(np.diag(counts))
    shown, caption = np.arange(size), "Rows; colour is the share of the true label’s rows."
    if size > MATRIX:
        worst = np.argsort(-(errors.sum(axis=0) + errors.sum(axis=1)), kind="stable")
        shown = np.sort(worst[: MATRIX // 2])
        caption += f" Of {size:,} labels the {len(shown)} with the most mistakes."
    keys = '<span class="key train">right</span> <span class="key dev">wrong</span> '
    svg = plots.confusion(counts[np.ix_(shown, shown)], [labels[i] for i in shown])
    part = _figure("Confusion matrix", keys + caption, svg, "wide")
    if size > 8 and errors.any():
        pairs = np.argsort(-errors, axis=None, kind="stable")[:20]
        cells = []
        for true, predicted in zip(*np.unravel_index(pairs, errors.shape), strict=False):
            if count := errors[true, predicted]:
                share = f"{100 * count / counts[true].sum():.1f} %"
                cells.append([_bdi(labels[true]), _bdi(labels[predicted]), f"{count:,}", share])
        part += "<h3>Most confused pairs</h3>"
        part += _table(["True label", "Predicted label", "Rows", "Of the true label"], cells, 2)
    return part


def _multi_label(e):
    thresholds = np.full(len(e.labels), 0.5) if e.thresholds is None else e.thresholds
    predicted, truth = e.scores >= thresholds, e.truth.astype(bool)
    hits, support = (predicted & truth).sum(axis=0), truth.sum(axis=0)

    def precision_recall_f1(hits, predicted, support):
        ratios = hits / np.maximum(predicted, 1), hits / np.maximum(support, 1)
        return [*ratios, 2 * hits / np.maximum(predicted + support, 1)]

    columns = precision_recall_f1(hits, predicted.sum(axis=0), support)
    averages = {"Macro average": np.mean(columns, axis=1)} if e.labels else {}
    averages["Micro average"] = precision_recall_f1(hits.sum(), predicted.sum(), support.sum())
    chance = np.clip(np.where(truth, e.scores, 1 - e.scores), 1e-7, 1)
    loss = -np.log(np.where(np.isnan(chance), 1e-7, chance)).sum(axis=1) / max(len(e.labels), 1)
    wrong = (predicted != truth).any(axis=1)
    order = np.flatnonzero(wrong)[np.argsort(-loss[wrong], kind="stable")[:MISTAKES]]

    def names(row, chosen):
        some = [f"<li>{_bdi(e.labels[i])} {number(float(e.scores[row, i]))}</li>" for i in np.flatnonzero(chosen)]
        return f"<ul>{''.join(some)}</ul>" if some else "<i>none</i>"

    found = [(r, names(r, truth[r]), names(r, predicted[r]), number(float(loss[r]))) for r in order]
    lead = (
        f"{int(wrong.sum()):,} of {len(wrong):,} rows have a wrong set of labels; here those with the largest "
        "log loss (mean over the labels) first. Beside each label stands its score."
    )
    return (
        "<h3>By label</h3>"
        + _by_label(e.labels, columns, support, averages, thresholds)
        + "<h3>Scores</h3>"
        + _confidence(e.scores.ravel(), truth.ravel(), "scores", ("label true", "label false"), "Score")
    ), _mistakes(e, found, lead, "Log loss")


def _regression(e):
    truth, scores = e.truth.astype(np.float64), e.scores.astype(np.float64)
    finite = np.isfinite(truth) & np.isfinite(scores)
    error = scores - truth
    figures = _note("No prediction is finite.")
    if finite.any():
        good = error[finite]
        about = f"mean {number(float(good.mean()))}, standard deviation {number(float(good.std()))}"
        dots = "Each dot is a row." if len(good) <= 2000 else "Colour is the logarithm of a cell’s rows."
        figures = _figure(
            "Prediction against truth",
            f"{dots} The dashed line is a perfect answer.",
            plots.scatter(truth[finite], scores[finite], "truth", "prediction"),
        ) + _figure("Residuals", about, plots.histogram(good, "prediction − truth", "rows", [(0, "")]))
        figures = f'<div class="figures">{figures}</div>'
    if not finite.all():
        figures += _note(f"{int((~finite).sum()):,} rows whose truth or prediction is not finite are left out.")
    size = np.where(finite, abs(error), np.inf)
    order = [row for row in np.argsort(-size, kind="stable")[:MISTAKES] if size[row] > 0]
    found = [(row, *(number(float(v)) for v in (truth[row], scores[row], error[row]))) for row in order]
    return figures, _mistakes(e, found, "The rows with the largest absolute error first.", "Error", numbers=3)


def _confidence(scores, positive, what, keys, label):
    """Histogram and reliability of probabilities [n], where positive [n] says which came true."""
    finite = np.isfinite(scores)
    lost = int((~finite).sum())
    scores, positive = scores[finite], positive[finite]
    if not len(scores):
        return _note("No score is finite.")
    bins = np.minimum((scores * 10).astype(int), 9).clip(0)
    sizes = np.bincount(bins, minlength=10)
    used = sizes > 0
    mean = np.bincount(bins, scores, 10)[used] / sizes[used]
    observed = np.bincount(bins, positive, 10)[used] / sizes[used]
    error = float(np.average(abs(mean - observed), weights=sizes[used]))
    legend = f'<span class="key train">{keys[0]}</span> <span class="key dev">{keys[1]}</span>'
    legend += f" {lost:,} not finite, left out" if lost else ""
    svg = plots.two_histograms(scores[positive], scores[~positive], label, f"{what} (log scale)")
    about = f"Ten bins; expected calibration error {number(error)}."
    curve = plots.reliability(mean, observed, f"mean of the bin’s {what}", f"share {keys[0]}")
    figures = _figure("Distribution", legend, svg) + _figure("Reliability", about, curve)
    return f'<div class="figures">{figures}</div>'


def _by_label(labels, columns, support, averages, thresholds=None):
    heads = ["Label", "Threshold", "Precision", "Recall", "F1", "Support"]
    cells = [
        [_bdi(label), number(float(thresholds[i])) if thresholds is not None else None]
        + [number(float(column[i])) for column in columns[:2]]
        + [_bar(columns[2][i]), f"{support[i]:,}"]
        for i, label in enumerate(labels)
    ]
    cells += [
        [name, "", *(number(float(v)) for v in values[:2]), _bar(values[2]), f"{support.sum():,}"]
        for name, values in averages.items()
    ]
    if thresholds is None:
        heads, cells = [h for h in heads if h != "Threshold"], [[c[0], *c[2:]] for c in cells]
    return _table(heads, cells, 1, feet=len(averages))


def _bar(value):
    return f'<span class="bar" style="--value:{100 * value:.1f}%">{number(float(value))}</span>'


def _token_lengths(lengths):
    if not len(lengths):
        return _note("No rows were evaluated.")
    high, most = float(np.percentile(lengths, 95)), int(lengths.max())
    marks = [(high, f"95 %: {high:,.0f}"), (most, f"longest: {most:,}")]
    about = f"Median {np.median(lengths):,.0f}, 95th percentile {high:,.0f}, longest {most:,} tokens."
    svg = plots.histogram(lengths, "tokens per row", "rows", marks, whole=True)
    return f'<div class="figures">{_figure("Tokens of the evaluated rows", about, svg)}</div>'


def _mistakes(e, found, lead, score, numbers=1):
    if not found:
        return _note("There are no mistakes.")
    cells = []
    for row, truth, predicted, value in found:
        text = _text(e.texts[row])
        if e.text_pairs is not None:
            text += '<hr title="second text">' + _text(e.text_pairs[row])
        cells.append([f"{row + 1:,}", text, truth, predicted, value])
    heads = ["Row", "Text", "Truth", "Prediction", score]
    return f"<p>{lead}</p>" + _table(heads, cells, 5 - numbers, "mistakes")


def _text(text):
    text = str(text)
    if len(text) <= 1.1 * CLIP:
        return f'<div class="text" dir="auto">{_escape(text)}</div>' if text else "<i>empty</i>"
    cut = text.rfind(" ", CLIP - 40, CLIP) + 1 or CLIP
    return (
        f'<div class="text" dir="auto">{_escape(text[:cut])}…</div><details><summary>{len(text) - cut:,} more '
        f'characters</summary><div class="text" dir="auto">{_escape(text[cut:])}</div></details>'
    )


def _configuration(config):
    def flat(prefix, value):
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from flat([*prefix, str(key)], inner)
        else:
            yield [_bdi(".".join(prefix)), _bdi(str(value))]

    cells = list(flat([], config)) if config else []
    if not cells:
        return _note("No configuration was given.")
    return f"<details><summary>{len(cells):,} settings</summary>{_table(['Setting', 'Value'], cells, 2)}</details>"


def _figure(title, about, svg, kind=""):
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{_escape(title)}" ', 1)
    about = f"<span>{about}</span>" if about else ""
    return f'<figure class="{kind}"><figcaption><b>{_escape(title)}</b> {about}</figcaption>{svg}</figure>'


def _table(heads, rows, words, kind="", feet=0):
    """A table of HTML cells: `words` columns of text, then numbers; the last `feet` rows are its foot."""

    def line(cells, tag="td"):
        marked = (f"<{tag}{'' if i < words else ' class=n'}>{cell}</{tag}>" for i, cell in enumerate(cells))
        return f"<tr>{''.join(marked)}</tr>"

    body, foot = rows[: len(rows) - feet], "".join(map(line, rows[len(rows) - feet :]))
    return (
        f'<div class="table {kind}"><table><thead>{line(heads, "th")}</thead>'
        f"<tbody>{''.join(map(line, body))}</tbody>{f'<tfoot>{foot}</tfoot>' if foot else ''}</table></div>"
    )


def _note(text):
    return f'<p class="note">{text}</p>'


def _bdi(text):
    return f"<bdi>{_escape(text)}</bdi>"  # right-to-left marks inside it do not turn what is around it


def _escape(text):
    return html.escape(printable(str(text)))


def _finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value)


CSS = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2126; --muted: #667080; --rule: #d9dde3;
  --first: #2f5d8c; --second: #b3502c; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #15181c; --ink: #e3e6ea;
  --muted: #98a2ae; --rule: #343b44; --first: #7fb0e0; --second: #e8976b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 3rem 1.5rem 5rem; max-width: 66rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 3rem 0 1rem; padding-top: .6rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1rem; margin: 2rem 0 .5rem; }
p { max-width: 42rem; }
.facts, .note, figcaption span, summary { color: var(--muted); }
.facts { margin: .4rem 0 1rem; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem; }
a { color: var(--first); text-underline-offset: .2em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1.2rem; margin: 0; }
.tiles dt { color: var(--muted); font-size: .9rem; overflow-wrap: anywhere; }
.tiles dd { margin: 0; font-size: 1.7rem; line-height: 1.3; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 2rem; }
figure { margin: 0; max-width: 31rem; break-inside: avoid; }
figure.wide { max-width: none; }
figcaption { font-size: .9rem; margin-bottom: .5rem; }
.key::before { content: ""; display: inline-block; width: .7em; height: .7em; margin-right: .35em;
  background: var(--first); }
.key.dev::before { background: var(--second); }
svg { display: block; max-width: 100%; height: auto; overflow: visible; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
svg text { font-family: system-ui, sans-serif !important; unicode-bidi: isolate; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.4; }
th, td { padding: .3rem 1.4rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { color: var(--muted); font-weight: 500; border-color: var(--muted); white-space: nowrap; }
td { overflow-wrap: anywhere; min-width: 4rem; max-width: 32rem; }
.n { text-align: right; white-space: nowrap; }
tfoot td { border: 0; font-weight: 600; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
.bar { display: inline-block; min-width: 7rem; background: linear-gradient(var(--first), var(--first))
  0 50% / calc(var(--value) * .55) .5rem no-repeat; }
.mistakes table { width: 100%; }
.mistakes td:nth-child(2) { width: 55%; min-width: 16rem; }
.mistakes ul { margin: 0; padding: 0; list-style: none; }
.mistakes hr { border: 0; border-top: 1px dashed var(--rule); margin: .4rem 0; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; text-align: start; }
summary { cursor: pointer; font-size: .9rem; }
@media print {
  :root { color-scheme: light; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  nav { display: none; }
  .table { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
