"""Examples that an exported relation extraction is checked on. B batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfbert.tasks.golden_texts import array, strings

if TYPE_CHECKING:
    import tensorflow as tf

_MARKED = (
    "The <e1>burst</e1> was caused by <e2>pressure</e2>.",
    "The <e2>smoke</e2> of the <e1>fire</e1> in the old and very long text about it.",
    "nothing is marked here",
    "<e1>Crème</e1><e2>東京</e2>",
    "",
)
_SPANS = (
    ("smoke of the fire", (0, 5), (13, 17)),
    ("Ada works in Shanghai, as do two others.", (13, 21), (0, 3)),
    ("東京 and naïve text", (7, 12), (0, 2)),
)


def golden_inputs(columns: dict[str, tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Texts that mark their entities, or do not; for the signature of spans texts with the places of their entities."""
    if "head" not in columns:
        return {"text": strings(_MARKED)}
    values = dict(zip(("text", "head", "tail"), zip(*_SPANS, strict=True), strict=True))
    return {name: array(values[name], spec) for name, spec in columns.items()}
