"""Static masks: made once, with the examples.

B rows at a time, S tokens of a row, P predictions of a row; L tokens and M predictions of all rows together.
"""

from __future__ import annotations

import hashlib

import numpy as np
import tensorflow as tf

from tfbert.data.pretraining.examples.rows import Rows
from tfbert.data.pretraining.examples.settings import ExampleSettings
from tfbert.data.pretraining.masking import Masking
from tfbert.text.tokenizer import Tokenizer

_ROWS = 512  # masked by one call of the graph


class StaticMasks:
    """Masks rows, as a function of the rows and a seed.

    Args:
        tokenizer: a Tokenizer.
        settings: ExampleSettings.
    """

    def __init__(self, tokenizer: Tokenizer, settings: ExampleSettings) -> None:
        self._masking = Masking.of_tokenizer(
            tokenizer,
            units=settings.mask_units,
            rate=settings.mask_rate,
            max_predictions=settings.max_predictions,
        )
        rows = tf.TensorSpec([None, None], tf.int32)
        signature = [rows, rows, rows, tf.TensorSpec([2], tf.int32)]
        self._graph = tf.function(self._masked, input_signature=signature, autograph=False)

    def __call__(self, rows: Rows, seed: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """token_ids with masks [L], masked_positions and masked_ids [M], and where each row begins in these."""
        key = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big", signed=True)
        lengths = np.diff(rows.splits)
        token_ids = rows.token_ids.copy()
        positions, ids = np.zeros((2, len(lengths), self._masking.max_predictions), np.int32)
        is_prediction = np.zeros(positions.shape, bool)
        by_length = np.argsort(lengths, kind="stable")  # rows of like lengths are masked together
        for first in range(0, len(lengths), _ROWS):
            batch = by_length[first : first + _ROWS]
            place = np.arange(lengths[batch[-1]])
            is_token = place < lengths[batch, None]  # [B, S]
            places = np.where(is_token, rows.splits[batch, None] + place, 0)
            batch_ids, word_starts = (part[places] * is_token for part in (rows.token_ids, rows.word_starts))
            masked = self._graph(batch_ids, word_starts, is_token.astype(np.int32), [key, first])
            masked = {name: value.numpy() for name, value in masked.items()}
            token_ids[places[is_token]] = masked["token_ids"][is_token]
            positions[batch], ids[batch] = masked["masked_positions"], masked["masked_ids"]
            is_prediction[batch] = masked["masked_weights"] > 0
        splits = np.concatenate([[0], np.cumsum(is_prediction.sum(1))])
        return token_ids, positions[is_prediction], ids[is_prediction], splits

    def _masked(self, token_ids: tf.Tensor, word_starts: tf.Tensor, padding_mask: tf.Tensor, seed: tf.Tensor) -> dict:
        return self._masking(token_ids, word_starts, padding_mask, seed=seed)
