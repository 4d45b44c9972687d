"""The results section of the report, by problem, and its worst mistakes. N rows, L labels."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from tfbert.runs.report import plots
from tfbert.runs.report.page import Figure, Section
from tfbert.runs.report.printable import number
from tfbert.runs.report.tables import MISTAKES, LabelScores, LabelTable, Mistake, mistakes_section
from tfbert.tasks.evaluation import Evaluation

_MATRIX = 80  # classes that a confusion matrix still shows legibly
_PAIRS = 20  # of labels that are confused most
_UNKNOWN = "(a label that the model does not know)"


def result_sections(evaluation: Evaluation) -> tuple[Section, Section]:
    """The results and the worst mistakes of an `Evaluation` with rows."""
    by_problem = {"single_label": _single_label, "multi_label": _multi_label, "regression": _regression}
    return by_problem[evaluation.problem](evaluation)


def _single_label(e):
    rows, size = e.scores.shape
    predicted = e.scores.argmax(axis=1)
    confidence = e.scores[np.arange(rows), predicted]
    truth, labels = e.truth.astype(np.int64), e.labels
    if (truth < 0).any():
        truth, labels, size = np.where(truth < 0, size, truth), (*labels, _UNKNOWN), size + 1
    counts = np.bincount(truth * size + predicted, minlength=size * size).reshape(size, size)
    *columns, support = precision_recall_fscore_support(
        truth, predicted, labels=range(size), average=None, zero_division=0
    )
    averages = {"Macro average": np.mean(columns, axis=1)}
    averages["Weighted average"] = np.average(columns, axis=1, weights=support)
    wrong = predicted != truth
    order = np.flatnonzero(wrong)[np.argsort(-confidence[wrong], kind="stable")[:MISTAKES]]
    mistakes = [
        Mistake(int(row) + 1, _texts(e, row), labels[truth[row]], labels[predicted[row]], [confidence[row]])
        for row in order
    ]
    lead = f"{int(wrong.sum()):,} of {rows:,} answers are wrong; here the most confident of them first."
    data = {
        **_matrix(counts, labels),
        "by_label": _by_label(labels, columns, support, averages),
        "calibration": _calibration(
            confidence, ~wrong, "answers", ("right", "wrong"), "Confidence (probability of answer)"
        ),
    }
    return Section("Results", "single_label", data), mistakes_section(mistakes, lead, "label", ["Score"])


def _matrix(counts, labels):
    """The figure of the confusion matrix, and of many labels the pairs that are confused most."""
    size = len(labels)
    errors = counts - np.diag(np.diag(counts))
    shown, caption = np.arange(size), "Rows; colour is the share of the true label’s rows."
    if size > _MATRIX:
        worst = np.argsort(-(errors.sum(axis=0) + errors.sum(axis=1)), kind="stable")
        shown = np.sort(worst[: _MATRIX // 2])
        caption += f" Of {size:,} labels the {len(shown)} with the most mistakes."
    svg = plots.confusion(counts[np.ix_(shown, shown)], [labels[i] for i in shown])
    matrix = Figure("Confusion matrix", svg, caption, (("train", "right"), ("dev", "wrong")), wide=True)
    pairs = []
    if size > 8:
        worst = np.argsort(-errors, axis=None, kind="stable")[:_PAIRS]
        for true, predicted in zip(*np.unravel_index(worst, errors.shape), strict=True):
            if rows := int(errors[true, predicted]):
                percent = 100 * rows / counts[true].sum()
                pairs.append({"truth": labels[true], "predicted": labels[predicted], "rows": rows, "percent": percent})
    return {"matrix": matrix, "pairs": pairs}


def _multi_label(e):
    thresholds = np.full(len(e.labels), 0.5) if e.thresholds is None else e.thresholds
    predicted, truth = e.scores >= thresholds, e.truth.astype(bool)
    hits, support = (predicted & truth).sum(axis=0), truth.sum(axis=0)

    def precision_recall_f1(hits, predicted, support):
        ratios = hits / np.maximum(predicted, 1), hits / np.maximum(support, 1)
        return [*ratios, 2 * hits / np.maximum(predicted + support, 1)]

    missed = np.zeros(len(truth), int) if e.unknown is None else e.unknown
    columns = precision_recall_f1(hits, predicted.sum(axis=0), support)
    averages = {"Macro average": np.mean(columns, axis=1)} if e.labels else {}
    averages["Micro average"] = precision_recall_f1(hits.sum(), predicted.sum(), support.sum() + missed.sum())
    chance = np.clip(np.where(truth, e.scores, 1 - e.scores), 1e-7, 1)
    loss = -np.log(np.where(np.isnan(chance), 1e-7, chance)).sum(axis=1) / max(len(e.labels), 1)
    wrong = (predicted != truth).any(axis=1) | (missed > 0)
    order = np.flatnonzero(wrong)[np.argsort(-loss[wrong], kind="stable")[:MISTAKES]]

    def scored(row, chosen):
        return [(e.labels[i], e.scores[row, i]) for i in np.flatnonzero(chosen)]

    rows = [
        Mistake(int(row) + 1, _texts(e, row), scored(row, truth[row]), scored(row, predicted[row]), [loss[row]])
        for row in order
    ]
    lead = (
        f"{int(wrong.sum()):,} of {len(wrong):,} rows have a wrong set of labels; here those with the largest "
        "log loss (mean over the labels) first. Beside each label stands its score."
    )
    data = {
        "by_label": _by_label(e.labels, columns, support, averages, thresholds),
        "calibration": _calibration(e.scores.ravel(), truth.ravel(), "scores", ("label true", "label false"), "Score"),
    }
    return Section("Results", "multi_label", data), mistakes_section(rows, lead, "labels", ["Log loss"])


def _regression(e):
    truth, scores = e.truth.astype(np.float64), e.scores.astype(np.float64)
    finite = np.isfinite(truth) & np.isfinite(scores)
    error = scores - truth
    figures = []
    if finite.any():
        good = error[finite]
        about = f"mean {number(float(good.mean()))}, standard deviation {number(float(good.std()))}"
        dots = "Each dot is a row." if len(good) <= 2000 else "Colour is the logarithm of a cell’s rows."
        figures = [
            Figure(
                "Prediction against truth",
                plots.scatter(truth[finite], scores[finite], "truth", "prediction"),
                f"{dots} The dashed line is a perfect answer.",
            ),
            Figure("Residuals", plots.histogram(good, "prediction − truth", "rows", [(0, "")]), about),
        ]
    size = np.where(finite, abs(error), np.inf)
    order = [row for row in np.argsort(-size, kind="stable")[:MISTAKES] if size[row] > 0]
    rows = [Mistake(int(row) + 1, _texts(e, row), truth[row], scores[row], [error[row]]) for row in order]
    lead = "The rows with the largest absolute error first."
    data = {"figures": figures, "left_out": int((~finite).sum())}
    return Section("Results", "regression", data), mistakes_section(rows, lead, "numbers", ["Error"])


def _calibration(scores, positive, what, keys, label):
    """Histogram and reliability of probabilities [n], where positive [n] says which came true; [] if none is finite."""
    finite = np.isfinite(scores)
    lost = int((~finite).sum())
    scores, positive = scores[finite], positive[finite]
    if not len(scores):
        return []
    bins = np.minimum((scores * 10).astype(int), 9).clip(0)
    sizes = np.bincount(bins, minlength=10)
    used = sizes > 0
    mean = np.bincount(bins, scores, 10)[used] / sizes[used]
    observed = np.bincount(bins, positive, 10)[used] / sizes[used]
    error = float(np.average(abs(mean - observed), weights=sizes[used]))
    return [
        Figure(
            "Distribution",
            plots.two_histograms(scores[positive], scores[~positive], label, f"{what} (log scale)"),
            f"{lost:,} not finite, left out" if lost else "",
            (("train", keys[0]), ("dev", keys[1])),
        ),
        Figure(
            "Reliability",
            plots.reliability(mean, observed, f"mean of the bin’s {what}", f"share {keys[0]}"),
            f"Ten bins; expected calibration error {number(error)}.",
        ),
    ]


def _by_label(labels, columns, support, averages, thresholds=None):
    """Columns are precision, recall and F1, each [L]; an average is the three for all labels."""
    support = support.astype(int)
    per_label = zip(
        labels, *columns, support, thresholds if thresholds is not None else [None] * len(labels), strict=True
    )
    return LabelTable(
        [LabelScores(*scores) for scores in per_label],
        [LabelScores(name, *values, support.sum()) for name, values in averages.items()],
        thresholds is not None,
    )


def _texts(e, row):
    return [e.texts[row]] if e.text_pairs is None else [e.texts[row], e.text_pairs[row]]
