"""The results section of the report, by problem, and its worst mistakes. N rows, L labels."""

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from tfbert.runs.report import markup, plots
from tfbert.runs.report.printable import number

MISTAKES = 30  # rows shown
CLIP = 500  # characters of a text shown before "more"
MATRIX = 80  # classes that a confusion matrix still shows legibly


def results(evaluation):
    """The HTML of the results and of the worst mistakes of an `Evaluation` with rows."""
    by_problem = {"single_label": _single_label, "multi_label": _multi_label, "regression": _regression}
    return by_problem[evaluation.problem](evaluation)


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
        (row, markup.bdi(e.labels[truth[row]]), markup.bdi(e.labels[predicted[row]]), number(float(confidence[row])))
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
    part = markup.figure("Confusion matrix", keys + caption, svg, "wide")
    if size > 8 and errors.any():
        pairs = np.argsort(-errors, axis=None, kind="stable")[:20]
        cells = []
        for true, predicted in zip(*np.unravel_index(pairs, errors.shape), strict=False):
            if count := errors[true, predicted]:
                share = f"{100 * count / counts[true].sum():.1f} %"
                cells.append([markup.bdi(labels[true]), markup.bdi(labels[predicted]), f"{count:,}", share])
        part += "<h3>Most confused pairs</h3>"
        part += markup.table(["True label", "Predicted label", "Rows", "Of the true label"], cells, 2)
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
        some = [f"<li>{markup.bdi(e.labels[i])} {number(float(e.scores[row, i]))}</li>" for i in np.flatnonzero(chosen)]
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
    figures = markup.note("No prediction is finite.")
    if finite.any():
        good = error[finite]
        about = f"mean {number(float(good.mean()))}, standard deviation {number(float(good.std()))}"
        dots = "Each dot is a row." if len(good) <= 2000 else "Colour is the logarithm of a cell’s rows."
        figures = markup.figure(
            "Prediction against truth",
            f"{dots} The dashed line is a perfect answer.",
            plots.scatter(truth[finite], scores[finite], "truth", "prediction"),
        ) + markup.figure("Residuals", about, plots.histogram(good, "prediction − truth", "rows", [(0, "")]))
        figures = f'<div class="figures">{figures}</div>'
    if not finite.all():
        figures += markup.note(f"{int((~finite).sum()):,} rows whose truth or prediction is not finite are left out.")
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
        return markup.note("No score is finite.")
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
    figures = markup.figure("Distribution", legend, svg) + markup.figure("Reliability", about, curve)
    return f'<div class="figures">{figures}</div>'


def _by_label(labels, columns, support, averages, thresholds=None):
    heads = ["Label", "Threshold", "Precision", "Recall", "F1", "Support"]
    cells = [
        [markup.bdi(label), number(float(thresholds[i])) if thresholds is not None else None]
        + [number(float(column[i])) for column in columns[:2]]
        + [bar(columns[2][i]), f"{support[i]:,}"]
        for i, label in enumerate(labels)
    ]
    cells += [
        [name, "", *(number(float(v)) for v in values[:2]), bar(values[2]), f"{support.sum():,}"]
        for name, values in averages.items()
    ]
    if thresholds is None:
        heads, cells = [h for h in heads if h != "Threshold"], [[c[0], *c[2:]] for c in cells]
    return markup.table(heads, cells, 1, feet=len(averages))


def bar(value):
    return f'<span class="bar" style="--value:{100 * value:.1f}%">{number(float(value))}</span>'


def _mistakes(e, found, lead, score, numbers=1):
    if not found:
        return markup.note("There are no mistakes.")
    cells = []
    for row, truth, predicted, value in found:
        text = clipped(e.texts[row])
        if e.text_pairs is not None:
            text += '<hr title="second text">' + clipped(e.text_pairs[row])
        cells.append([f"{row + 1:,}", text, truth, predicted, value])
    heads = ["Row", "Text", "Truth", "Prediction", score]
    return f"<p>{lead}</p>" + markup.table(heads, cells, 5 - numbers, "mistakes")


def clipped(text):
    text = str(text)
    if len(text) <= 1.1 * CLIP:
        return f'<div class="text" dir="auto">{markup.escape(text)}</div>' if text else "<i>empty</i>"
    cut = text.rfind(" ", CLIP - 40, CLIP) + 1 or CLIP
    return (
        f'<div class="text" dir="auto">{markup.escape(text[:cut])}…</div><details><summary>{len(text) - cut:,} more '
        f'characters</summary><div class="text" dir="auto">{markup.escape(text[cut:])}</div></details>'
    )
