"""The report's figures: each function returns one SVG element for inlining into the page.

Colours are CSS variables of the page, so a figure follows its light, dark or print scheme.
"""

from __future__ import annotations

import functools
import hashlib
import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tfbert.runs.report.printable import columns, exponent, printable, shorten

P = ParamSpec("P")

# matplotlib takes no CSS variables: figures are drawn in these stand-ins, which _inline() replaces.
PAPER, INK, MUTED, RULE, FIRST, SECOND = "#fefdf1", "#010203", "#6f7071", "#d1d2d3", "#0102f1", "#f10203"
VARIABLES = dict(
    zip((PAPER, INK, MUTED, RULE, FIRST, SECOND), "paper ink muted rule first second".split(), strict=False)
)

STYLE = {
    "svg.fonttype": "none",  # text stays text: the browser has glyphs (CJK) that matplotlib's fonts lack
    "svg.hashsalt": "tfbert",
    "text.parse_math": False,  # a "$" in a label is a dollar
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    **dict.fromkeys(["text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"], INK),
    **dict.fromkeys(["axes.edgecolor", "xtick.color", "ytick.color"], MUTED),
    **dict.fromkeys(["figure.facecolor", "axes.facecolor", "savefig.facecolor"], "none"),
    "grid.color": RULE,
}


def figure(width: float, height: float) -> Callable[[Callable[Concatenate[Figure, P], None]], Callable[P, str]]:
    """Decorates `draw(canvas, ...)`: the function takes the other arguments and returns the SVG.

    Args:
        width, height: in inches.
    """

    def decorate(draw):
        @functools.wraps(draw)
        def render(*args, **kwargs):
            with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
                canvas = Figure(figsize=(width, height), layout="constrained")
                draw(canvas, *args, **kwargs)
                file = io.StringIO()
                canvas.savefig(file, format="svg")
            return _inline(file.getvalue())

        return render

    return decorate


@figure(4.7, 2.7)
def curve(
    canvas: Figure, train: Sequence | np.ndarray | None, dev: Sequence | np.ndarray | None, xlabel: str, ylabel: str
) -> None:
    """Values over training; `train` and `dev` are (x [n], y [n]) or None."""
    axes = _axes(canvas, xlabel, ylabel)
    for points, colour, marker in ((train, FIRST, ""), (dev, SECOND, "o")):
        if points is not None and len(points[0]):
            axes.plot(*points, color=colour, marker=marker or ("o" if len(points[0]) < 4 else ""))
    if axes.get_ylim()[0] > 0 and (axes.get_ylim()[0] < 0.5 * axes.get_ylim()[1]):
        axes.set_ylim(bottom=0)  # only where it does not flatten the curve


@figure(1, 1)
def confusion(canvas: Figure, counts: np.ndarray, labels: Sequence[str]) -> None:
    """A confusion matrix: int [L, L] (row = truth), names [L]; colour is the share of the row."""
    size = len(counts)
    cell = float(np.clip(660 / size, 10.5, 44))  # points
    font = min(9.0, 0.78 * cell)
    names = [shorten(label, 24) for label in labels]
    longest = max(map(columns, names)) * 0.6 * font
    upright = longest < 0.95 * cell
    left, bottom = longest + 26, (font if upright else longest) + 28
    width, height = left + size * cell + 4, bottom + size * cell + 4
    canvas.set_layout_engine("none")
    canvas.set_size_inches(width / 72, height / 72)
    axes = canvas.add_axes((left / width, bottom / height, size * cell / width, size * cell / height))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    diagonal = np.eye(size, dtype=bool)
    _cells(axes, np.where(counts == 0, 0.4, 0), RULE)
    _cells(axes, np.where((counts > 0) & diagonal, share.clip(0.08), 0), FIRST)
    _cells(axes, np.where((counts > 0) & ~diagonal, share.clip(0.08), 0), SECOND)
    for (row, column), count in np.ndenumerate(counts):
        if count or size <= 12:
            text = f"{count:,}"
            colour = MUTED if count == 0 else PAPER if share[row, column] > 0.72 else INK
            points = min(9.0, 0.7 * cell, 0.92 * cell / (0.6 * len(text)))
            axes.text(column + 0.5, row + 0.5, text, size=points, color=colour, ha="center", va="center_baseline")
    axes.set_xticks(np.arange(size) + 0.5, names, rotation=0 if upright else 90, size=font)
    axes.set_yticks(np.arange(size) + 0.5, names, size=font)
    axes.set(xlim=(0, size), ylim=(size, 0), xlabel="Predicted label", ylabel="True label")
    axes.xaxis.set_label_coords(0.5, (8 - bottom) / (size * cell))
    axes.yaxis.set_label_coords((8 - left) / (size * cell), 0.5)
    axes.tick_params(length=0, pad=3)
    axes.spines[:].set_visible(False)
    axes.grid(False)


@figure(4.7, 2.7)
def histogram(
    canvas: Figure,
    values: np.ndarray,
    xlabel: str,
    ylabel: str,
    marks: Sequence[tuple[float, str]] = (),
    whole: bool = False,
) -> None:
    """A histogram of `values` [n]; `marks` are vertical lines with a text; `whole` has bins of whole numbers."""
    axes = _axes(canvas, xlabel, ylabel)
    low, high = float(values.min()), float(values.max())
    if whole:
        step = max(1, int(np.ceil((high - low + 1) / 40)))
        edges = np.arange(low, high + step + 1, step) - 0.5
    else:
        edges = np.linspace(*_limits(low, high), 41)
    counts, _ = np.histogram(values, edges)
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=FIRST, edgecolor=PAPER, linewidth=0.5)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.05 * max(counts.max(), 1)))
    for index, (value, text) in enumerate(marks):
        axes.axvline(value, color=SECOND, linewidth=1.2, dashes=(4, 2))
        side = "right" if value > (edges[0] + edges[-1]) / 2 else "left"
        axes.annotate(
            text,
            (value, 0.97 - 0.09 * index),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if side == "right" else 4, 0),
            textcoords="offset points",
            ha=side,
            va="top",
        )


@figure(4.7, 2.7)
def two_histograms(canvas: Figure, first: np.ndarray, second: np.ndarray, xlabel: str, ylabel: str) -> None:
    """Two sets of probabilities, [n] and [m], as outlines over 20 bins on a logarithmic scale."""
    axes = _axes(canvas, xlabel, ylabel)
    axes.set_yscale("log")
    edges, top = np.linspace(0, 1, 21), 1
    for values, colour in ((first, FIRST), (second, SECOND)):
        counts, _ = np.histogram(values, edges)
        axes.stairs(np.maximum(counts, 0.5), edges, baseline=0.5, color=colour, linewidth=1.4)
        top = max(top, counts.max())
    axes.set(xlim=(0, 1), ylim=(0.5, 2 * top))
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    axes.minorticks_off()


@figure(4.7, 2.7)
def reliability(canvas: Figure, confidence: np.ndarray, observed: np.ndarray, xlabel: str, ylabel: str) -> None:
    """The observed share against the mean score of each bin, both [bins]; the diagonal is calibration."""
    axes = _axes(canvas, xlabel, ylabel)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, dashes=(4, 2))
    axes.plot(confidence, observed, color=FIRST, marker="o")
    axes.set(xlim=(0, 1.01), ylim=(0, 1.03))


@figure(4.7, 3.6)
def scatter(canvas: Figure, truth: np.ndarray, prediction: np.ndarray, xlabel: str, ylabel: str) -> None:
    """Predictions against truth, both [n]; above 2,000 points cells whose colour is the log of the count."""
    axes = _axes(canvas, xlabel, ylabel)
    low, high = _limits(min(truth.min(), prediction.min()), max(truth.max(), prediction.max()))
    if len(truth) > 2000:
        counts, edges, _ = np.histogram2d(prediction, truth, 50, [(low, high)] * 2)
        _cells(axes, 0.12 + 0.88 * np.log1p(counts) / np.log1p(counts.max()), FIRST, edges, counts > 0)
    else:
        axes.scatter(truth, prediction, s=9, color=FIRST, alpha=0.45, linewidth=0)
    axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8, dashes=(4, 2))
    axes.set(xlim=(low, high), ylim=(low, high))


def _axes(canvas, xlabel, ylabel):
    axes = canvas.add_subplot(xlabel=printable(xlabel), ylabel=printable(ylabel))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6))
        axis.set_major_formatter(FuncFormatter(_tick))
    return axes


def _tick(value, _=None):
    text = f"{value:,.0f}" if abs(value) >= 1000 else exponent(f"{value:.6g}")
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _limits(low, high):
    margin = 0.03 * (high - low) or 0.5
    return low - margin, high + margin


def _cells(axes, opacity, colour, edges=None, where=None):
    """Fills the cells of a grid at 20 levels of opacity, one SVG path a level: 60 x 60 cells stay small."""
    edges = np.arange(len(opacity) + 1.0) if edges is None else edges
    levels = np.ceil(opacity * 20).astype(int) * (1 if where is None else where)
    gap = 0.03 * (edges[1] - edges[0])
    for level in np.unique(levels[levels > 0]):
        rows, columns = np.nonzero(levels == level)
        left, right = edges[columns] + gap, edges[columns + 1] - gap
        low, high = edges[rows] + gap, edges[rows + 1] - gap
        corners = np.array([[left, low], [right, low], [right, high], [left, high], [left, low]])
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(rows)
        path = Path(corners.transpose(2, 0, 1).reshape(-1, 2), codes)
        axes.add_patch(PathPatch(path, facecolor=colour, linewidth=0, alpha=level / 20))


def _inline(svg):
    """matplotlib's SVG document as an element of an HTML page."""
    svg = svg[svg.index("<svg") :]  # no XML declaration, no document type
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.S)
    svg = re.sub(r"<style\b.*?</style>", "", svg, flags=re.S)  # it would style the whole page
    svg = re.sub(r"<g id=\"[^\"]*\">", "<g>", svg)  # figure_1, axes_1: the same in every figure
    prefix = "f" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(\bid="|url\(#|href="#)(?=[a-z][0-9a-f]{10}\b)', rf"\g<1>{prefix}", svg)
    colours = re.compile(r"(?<=: )(?:" + "|".join(VARIABLES) + r")\b")
    return re.sub(r'style="[^"]*"', lambda s: colours.sub(lambda c: f"var(--{VARIABLES[c[0]]})", s[0]), svg)
