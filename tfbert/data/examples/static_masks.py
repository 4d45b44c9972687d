"""Masks that are made once, with the examples. B rows at a time, S tokens of a row, P predictions of one, L tokens
and M predictions of all rows together."""

import hashlib

import numpy as np
import tensorflow as tf

from tfbert.data.masking import Masking

_ROWS = 256  # masked in one call of the graph


class StaticMasks:
    """Masks rows, as a function of the rows and a seed.

    Args:
        tokenizer: a Tokenizer.
        settings: ExampleSettings.
    """

    def __init__(self, tokenizer, settings):
        self._max_length = settings.max_length
        self._masking = Masking.of_tokenizer(
            tokenizer,
            units=settings.mask_units,
            rate=settings.mask_rate,
            max_predictions=settings.max_predictions,
        )
        rows = tf.TensorSpec([None, settings.max_length], tf.int32)
        signature = [rows, rows, rows, tf.TensorSpec([2], tf.int32)]
        self._graph = tf.function(self._masked, input_signature=signature, autograph=False)

    def __call__(self, rows, seed):
        """The Rows' token_ids with masks [L], masked_positions and masked_ids [M], and where each row begins in them.

        Args:
            seed: text.
        """
        key = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big", signed=True)
        parts = []
        for first in range(0, len(rows.splits) - 1, _ROWS):
            splits = rows.splits[first : first + _ROWS + 1]
            is_token = np.arange(self._max_length) < np.diff(splits)[:, None]  # [B, S]
            tokens = slice(splits[0], splits[-1])
            token_ids, word_starts = np.zeros((2, *is_token.shape), np.int32)
            token_ids[is_token], word_starts[is_token] = rows.token_ids[tokens], rows.word_starts[tokens]
            masked = self._graph(token_ids, word_starts, is_token.astype(np.int32), [key, first])
            masked = {name: value.numpy() for name, value in masked.items()}
            is_prediction = masked["masked_weights"] > 0  # [B, P]
            parts.append(
                (
                    masked["token_ids"][is_token],
                    masked["masked_positions"][is_prediction],
                    masked["masked_ids"][is_prediction],
                    is_prediction.sum(1),
                )
            )
        if not parts:
            return rows.token_ids, rows.token_ids, rows.token_ids, rows.splits
        token_ids, positions, ids, counts = map(np.concatenate, zip(*parts, strict=True))
        return token_ids, positions, ids, np.concatenate([[0], np.cumsum(counts)])

    def _masked(self, token_ids, word_starts, padding_mask, seed):
        return self._masking(token_ids, word_starts, padding_mask, seed=seed)
