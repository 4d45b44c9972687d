"""A bias of the scores by how far a key is from its query. N heads; R sequences of L places."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.encoders.layers.derived import derived
from tfbert.encoders.layers.initializers import TruncatedNormal

BUCKETS = 32
_FARTHEST = 128  # from here on all distances are in one bucket


def bucket_of(distances: np.ndarray) -> np.ndarray:
    """The bucket of each distance, key - query: half of them for keys behind, half for keys ahead.

    Near distances have a bucket each, those from 8 on buckets whose width grows with the logarithm.
    Source: Raffel et al. 2020, section 2.1; Hugging Face MPNetEncoder.relative_position_bucket.

    >>> bucket_of(np.array([-200, -1, 0, 1, 200])).tolist()
    [15, 1, 0, 17, 31]
    """
    half, near = BUCKETS // 2, BUCKETS // 4
    far = np.abs(distances)
    # In float32, where a bucket begins, as PyTorch does.
    log = np.log(np.maximum(far, near).astype(np.float32) / np.float32(near))
    beyond = near + (log / np.float32(math.log(_FARTHEST / near)) * np.float32(half - near)).astype(np.int32)
    return np.where(far < near, far, np.minimum(beyond, half - 1)) + half * (distances > 0)


@keras.saving.register_keras_serializable("tfbert")
class RelativeBias(keras.layers.Layer):
    """One number for each bucket of distances and each head.

    Input: distances int [R, L, L], key - query. Output: [R, N, L, L], float32 at least. A layout adds it to the scores
    (`Layout.add_bias`).

    >>> RelativeBias(2)(keras.ops.zeros((1, 3, 3), "int32")).shape
    TensorShape([1, 2, 3, 3])
    """

    def __init__(self, num_heads: int, *, initializer_range: float = 0.02, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.num_heads, self.initializer_range = num_heads, initializer_range

    def build(self, distances_shape: Any = None) -> None:
        self.embeddings = self.add_weight(
            shape=(BUCKETS, self.num_heads),
            initializer=TruncatedNormal(stddev=self.initializer_range),
            name="embeddings",
        )

    def call(self, distances: Any) -> Any:
        table = derived(self, "by_distance", lambda: self.by_distance(_FARTHEST))
        places = tf.clip_by_value(distances, -_FARTHEST, _FARTHEST) + _FARTHEST
        return tf.transpose(tf.gather(table, places), (0, 3, 1, 2))

    def by_distance(self, farthest: int) -> Any:
        """The rows of the distances -`farthest` to `farthest`, [2 x farthest + 1, N]."""
        return tf.gather(tf.convert_to_tensor(self.embeddings), bucket_of(np.arange(-farthest, farthest + 1)))

    def compute_output_spec(self, distances: Any) -> Any:
        rows, queries, keys = distances.shape
        return keras.KerasTensor((rows, self.num_heads, queries, keys), self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_heads": self.num_heads, "initializer_range": self.initializer_range}
