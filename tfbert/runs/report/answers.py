"""The results section of the report for tasks whose answers are texts, and its worst mistakes. N rows."""

from __future__ import annotations

import numpy as np

from tfbert.runs.report import plots
from tfbert.runs.report.page import Figure, Section
from tfbert.runs.report.tables import MISTAKES, LabelScores, LabelTable, Mistake, mistakes_section
from tfbert.tasks.evaluation import Answers


def answer_sections(e: Answers) -> tuple[Section, Section]:
    """The results and the worst mistakes of an `Answers` with rows."""
    svg = plots.histogram(e.quality, "quality of the answer", "rows", [])
    data = {
        "right": int((e.quality >= 1).sum()),
        "rows": len(e.texts),
        "quality": Figure("Quality", svg, "1 is the truth itself, 0 has nothing of it."),
        "by_label": LabelTable([LabelScores(label, *scores) for label, scores in e.by_label.items()])
        if e.by_label
        else None,
    }
    wrong = np.flatnonzero(e.quality < 1)
    worst = wrong[np.lexsort((-e.scores[wrong], e.quality[wrong]))[:MISTAKES]]
    rows = [
        Mistake(
            int(row) + 1, [e.texts[row]], e.truth[row], e.predicted[row], [float(e.quality[row]), float(e.scores[row])]
        )
        for row in worst
    ]
    lead = "The worst answers first; of these the ones with the highest score."
    return Section("Results", "answers", data), mistakes_section(rows, lead, "texts", ["Quality", "Score"])
