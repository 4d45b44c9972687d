"""Examples that an exported token classification is checked on. B batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfbert.tasks.golden_texts import TEXTS, array, strings

if TYPE_CHECKING:
    import tensorflow as tf

_WORDS = (
    ("Ada", "works", "in", "Shanghai", "."),
    ("the", "parcel", "of", "J.", "R.", "O'Neil-Smith", "came"),
    ("",),
    ("naïve", "東京", "unbelievably", "[MASK]"),
)


def golden_inputs(columns: dict[str, tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Texts of many kinds, or for the signature of words rows of these, filled up with ""."""
    if "words" in columns:
        return {"words": array(_WORDS, columns["words"])}
    return {"text": strings(TEXTS)}
