"""Trained scores of one tag after another. W windows, S sequence, C tags."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

# Adam moves a weight by about the learning rate a step. At its usual rates a score that begins at 0 would stay there.
_SCALE = 100.0


@keras.saving.register_keras_serializable("tfbert")
class TagTransitions(keras.layers.Layer):
    """The score of each tag (column) after another (row), [C, C], for logits [W, S, C], which say what C is.

    The scores are a hundred times the weight, which therefore learns a hundred times as fast as the others. Source:
    Lample et al. 2016, Neural Architectures for Named Entity Recognition, section 2.2, without scores of the first
    and last tag.

    >>> TagTransitions()(keras.ops.ones((2, 7, 5))).shape
    TensorShape([5, 5])
    """

    def build(self, shape: tuple) -> None:
        self.transitions = self.add_weight(name="transitions", shape=(shape[-1], shape[-1]), initializer="zeros")

    def call(self, logits: Any) -> Any:
        return self.transitions * _SCALE

    def scores(self) -> np.ndarray:
        """float32 [C, C], for writers of other formats."""
        return self.transitions.numpy() * _SCALE

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (shape[-1], shape[-1])
