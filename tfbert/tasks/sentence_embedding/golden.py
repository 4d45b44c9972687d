"""Examples that an exported sentence embedding is checked on. B batch."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tfbert.tasks.golden_texts import TEXTS, strings


def golden_inputs(columns: Collection[str]) -> dict[str, np.ndarray]:
    """Texts of many kinds, and as second texts the same in another order."""
    values = {"text": strings(TEXTS), "text_pair": strings(TEXTS[::-1])}
    return {name: values[name] for name in columns}
