"""The results section of the report for tasks whose answers are texts. N rows."""

import numpy as np

from tfbert.runs.report import markup, plots
from tfbert.runs.report.printable import number
from tfbert.runs.report.results import MISTAKES, bar, clipped


def answers(e):
    """The HTML of the results and of the worst mistakes of an `Answers` with rows."""
    right = int((e.quality >= 1).sum())
    lead = f"{right:,} of {len(e.texts):,} answers are wholly right."
    svg = plots.histogram(e.quality, "quality of the answer", "rows", [])
    body = f"<p>{lead}</p>" + markup.figure("Quality", "1 is the truth itself, 0 has nothing of it.", svg)
    if e.by_label:
        heads = ["Label", "Precision", "Recall", "F1", "Support"]
        cells = [
            [markup.bdi(label), number(p), number(r), bar(f1), f"{support:,}"]
            for label, (p, r, f1, support) in e.by_label.items()
        ]
        body += "<h3>By label</h3>" + markup.table(heads, cells, 1)
    wrong = np.flatnonzero(e.quality < 1)
    if not len(wrong):
        return body, markup.note("There are no mistakes.")
    worst = wrong[np.lexsort((-e.scores[wrong], e.quality[wrong]))[:MISTAKES]]
    cells = [
        [
            f"{row + 1:,}",
            clipped(e.texts[row]),
            clipped(e.truth[row]),
            clipped(e.predicted[row]),
            number(float(e.quality[row])),
            number(float(e.scores[row])),
        ]
        for row in worst
    ]
    heads = ["Row", "Text", "Truth", "Prediction", "Quality", "Score"]
    lead = "The worst answers first; of these the ones with the highest score."
    return body, f"<p>{lead}</p>" + markup.table(heads, cells, 4, "mistakes")
