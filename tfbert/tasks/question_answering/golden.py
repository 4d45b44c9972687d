"""Examples that an exported question answering is checked on. B batch."""

from __future__ import annotations

import numpy as np

from tfbert.tasks.golden_texts import DOCUMENTS, strings

_QUESTIONS = (
    "When was the parcel due?",
    "Who works in Shanghai?",
    "What came broken?",
    "",
    "How high is the tower, in metres, as it stands in this text?",
    "Où est-ce?",
)


def golden_inputs() -> dict[str, np.ndarray]:
    """Questions and contexts [B], of which some are empty or in several languages."""
    return {"question": strings(_QUESTIONS), "context": strings(DOCUMENTS)}
