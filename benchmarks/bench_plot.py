"""The headline of each table as bars."""

import statistics

import bench_page
import matplotlib

# (table, work, title of the figure, what the panel is called)
PANELS = (
    ("network_minilm", "mixed lengths", "texts/s", "Sentences as they arrive, texts/s"),
    ("bulk", "file to file", "rows/s", "File to file, rows/s"),
    ("servers", "32 clients, sentences", "requests/s", "Servers, 32 clients, requests/s"),
    ("servers", "1 client, 1-4 words", "requests/s", "Servers, 1 client, requests/s"),
    ("network_minilm", "1 x 16", "ms", "One text of 16 tokens, ms (less is better)"),
    ("fine_tuning", "step", "examples/s", "Fine-tuning, examples/s"),
)
OURS, THEIRS, INK, QUIET = "#1f6fb2", "#b9bec6", "#1c1f23", "#6b7178"


def draw(path, tables, measured):
    """Writes the panels whose tables were measured; the same figures give the same file."""
    matplotlib.use("Agg")
    matplotlib.rcParams.update(
        {"svg.hashsalt": "bench", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
    )
    import matplotlib.pyplot as plt

    panels = [panel for panel in PANELS if panel[0] in measured]
    if not panels:
        return
    counts = [len(_bars(tables, measured, panel)) for panel in panels]
    lines = -(-len(panels) // 2)
    heights = [max(counts[2 * line : 2 * line + 2]) for line in range(lines)]
    figure, axes = plt.subplots(
        *(lines, 2),
        figsize=(10, 0.24 * sum(heights) + 0.75 * lines),
        gridspec_kw={"height_ratios": heights},
        squeeze=False,
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for number, (axis, panel) in enumerate(zip(axes.flat, panels, strict=False)):
        _panel(axis, panel[3], _bars(tables, measured, panel), heights[number // 2])
    figure.tight_layout(h_pad=1.5, w_pad=2)
    figure.savefig(path, metadata={"Date": None} if str(path).endswith("svg") else None)
    plt.close(figure)


def _bars(tables, measured, panel):
    """[(row, median, lowest, highest)] of the rows that were measured."""
    name, work, title, _ = panel
    found = []
    for row in tables[name].rows:
        if numbers := list(bench_page.values(tables[name], measured[name], row.name, work, title).values()):
            found.append((row.name, statistics.median(numbers), min(numbers), max(numbers)))
    return found


def _panel(axis, title, bars, height):
    """Bars as thick as those of the panel beside it, which may have more of them."""
    names, medians, lowest, highest = zip(*reversed(bars), strict=True)
    spread = [
        [m - low for m, low in zip(medians, lowest, strict=True)],
        [h - m for m, h in zip(medians, highest, strict=True)],
    ]
    colors = [OURS if name.startswith("tfbert") else THEIRS for name in names]
    axis.barh(names, medians, color=colors, height=0.7, xerr=spread, error_kw={"ecolor": QUIET, "elinewidth": 0.8})
    largest = max(highest)
    for place, (median, high) in enumerate(zip(medians, highest, strict=True)):
        axis.text(
            high + 0.015 * largest, place, f"{median:,.0f}" if median >= 20 else f"{median:.1f}", va="center", color=INK
        )
    axis.set_title(title, loc="left", fontsize=10, color=INK)
    axis.set_xlim(0, 1.16 * largest)
    axis.set_ylim(len(bars) - height - 0.6, len(bars) - 0.4)
    axis.xaxis.set_visible(False)
    axis.tick_params(axis="y", length=0, colors=INK)
    for side in ("top", "right", "bottom"):
        axis.spines[side].set_visible(False)
    axis.spines["left"].set_color(THEIRS)
