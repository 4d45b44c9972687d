"""Literals that take the white space beside them, as AddedTokens with `lstrip` and `rstrip` do.

Shapes: B texts, T tokens of all texts together, C characters of all texts together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfbert.text.normalizer import normalizer_buffer
from tfbert.text.offsets import CharacterTable
from tfbert.text.pieces import Pieces, row_ids
from tfbert.text.vocabulary import WHITE_SPACE

_OTHER = "x"


class WhiteSpace(CharacterTable):
    """Numbers the characters of texts, as `CharacterTable`, and knows which are white space."""

    def __init__(self) -> None:
        import tensorflow_text

        with tf.init_scope(), tf.device("/CPU:0"):
            buffer = normalizer_buffer(dict.fromkeys(map(ord, WHITE_SPACE), " "), default=_OTHER)
            self._op = tensorflow_text.FastBertNormalizer(model_buffer=tf.constant(np.frombuffer(buffer, np.uint8)))
            self._bytes = tensorflow_text.ByteSplitter()

    def covered(self, text: tf.Tensor, pieces: Pieces, left: Sequence[int], right: Sequence[int]) -> Pieces:
        """Returns `pieces` of `text` [B] of which tokens with the ids `left` and `right` cover white space there."""
        starts, splits, character, base = self._table(text)  # [C + B]
        one_more = tf.strings.join([self._op.normalize(text), _OTHER])  # an end that is no white space
        is_space = self._bytes.split(one_more).flat_values == ord(" ")
        begins = tf.concat([tf.ones_like(is_space[:1]), is_space[1:] != is_space[:-1]], 0)
        run = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        firsts = tf.cast(tf.where(begins)[:, 0], tf.int32)  # of each run
        ends = tf.concat([firsts[1:], [tf.size(is_space)]], 0)
        rows = row_ids(pieces.row_splits, tf.size(pieces.ids))
        base, first_of_row = tf.gather(base, rows), tf.gather(splits, rows)
        before = tf.maximum(tf.gather(character, base + pieces.firsts) - 1, 0)
        after = tf.gather(character, base + pieces.lasts) + 1

        def is_one_of(numbers: Sequence[int]) -> tf.Tensor:
            return tf.reduce_any(tf.expand_dims(pieces.ids, 1) == tf.constant([numbers], tf.int32), 1)

        to_left = is_one_of(left) & (before >= first_of_row) & tf.gather(is_space, before)
        to_right = is_one_of(right) & tf.gather(is_space, after)
        first = tf.gather(starts, tf.gather(firsts, tf.gather(run, before)))
        last = tf.gather(starts, tf.gather(ends, tf.gather(run, after)) - 1)
        return pieces._replace(
            firsts=tf.where(to_left, first, pieces.firsts), lasts=tf.where(to_right, last, pieces.lasts)
        )
