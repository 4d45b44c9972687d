"""Examples that an exported multiple choice is checked on. B batch, C choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfbert.tasks.golden_texts import array, strings

if TYPE_CHECKING:
    import tensorflow as tf

_PROMPTS = ("The sky is", "My parcel was due on Friday, and", "", "Grass is")
_CHOICES = (("blue", "sour"), ("it came", "nothing has come", "two"), ("a", "b", "c"), ("loud", "green"))


def golden_inputs(columns: dict[str, tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Prompts [B], and choices [B, C], of which some rows have fewer."""
    return {"prompt": strings(_PROMPTS), "choices": array(_CHOICES, columns["choices"])}
