"""Examples that an exported classification is checked on. B batch."""

from __future__ import annotations

import numpy as np

from tfbert.tasks.golden_texts import TEXTS, strings


def golden_inputs(pairs: bool) -> dict[str, np.ndarray]:
    """Columns of the default signature: texts of many kinds, and as second texts the same in another order."""
    texts = {"text": strings(TEXTS)}
    return {**texts, "text_pair": strings(TEXTS[::-1])} if pairs else texts
