"""Examples that an exported summarization is checked on. B batch."""

from __future__ import annotations

import numpy as np

from tfbert.tasks.golden_texts import DOCUMENTS, strings


def golden_inputs() -> dict[str, np.ndarray]:
    """Documents [B] of no sentence, of one and of several."""
    return {"document": strings(DOCUMENTS)}
