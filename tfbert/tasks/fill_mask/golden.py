"""Examples that an exported model of masks is checked on. B batch."""

from __future__ import annotations

import numpy as np

from tfbert.tasks.golden_texts import strings


def golden_inputs(mask: str) -> dict[str, np.ndarray]:
    """Few texts [B], with no mask, one and two: outputs are as many numbers as the vocabulary has tokens, each mask."""
    return {"text": strings([f"Paris is the {mask} of France.", "no mask", "", f"{mask} {mask}, where is it?"])}
