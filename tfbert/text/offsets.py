"""Places in a text: bytes <-> characters, in any UTF-8, malformed too.

Shapes: B texts, T tokens of all texts together, C characters of all texts together.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfbert.text.normalizer import normalizer_buffer
from tfbert.text.pieces import Pieces, row_ids, scattered


class CharacterTable:
    """Numbers the characters of texts, as Python counts them after `decode("utf-8", "replace")`.

    It is a FastBertNormalizer that makes every character one byte, so that the offsets which the op returns are
    those of the characters. LiteRT has this op too.
    """

    def __init__(self) -> None:
        import tensorflow_text

        with tf.init_scope(), tf.device("/CPU:0"):
            self._op = tensorflow_text.FastBertNormalizer(model_buffer=tf.constant(_one_byte_each()))

    def numbers(self, text: tf.Tensor, pieces: Pieces) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the characters of `text` [B] that hold `pieces.firsts` and `pieces.lasts`: int32 [T] each."""
        rows = row_ids(pieces.row_splits, tf.size(pieces.ids))
        _, splits, character, base = self.table(text)
        before = tf.gather(splits, rows)
        base = tf.gather(base, rows)
        first = tf.gather(character, base + pieces.firsts) - before
        last = tf.gather(character, base + pieces.lasts) - before
        return first, last

    def spans(self, text: tf.Tensor, pieces: Pieces, trim: Callable | None = None) -> list[tf.Tensor]:
        """Returns what tokens of `text` [B] cover, int32 [T] each.

        These are the first byte, the byte after the last, the first character, and the character after the last;
        `trim` is an Algorithm's.
        """
        rows = row_ids(pieces.row_splits, tf.size(pieces.ids))
        starts, splits, character, base = self.table(text)
        base, before = tf.gather(base, rows), tf.gather(splits, rows)
        first = tf.gather(character, base + pieces.firsts)
        after = tf.gather(character, base + pieces.lasts) + 1
        if trim is not None:
            first, after = (before + place for place in trim(pieces.ids, first - before, after - before))
        return [tf.gather(starts, first), tf.gather(starts, after), first - before, after - before]

    def spans_of_any(self, text: tf.Tensor, pieces: Pieces, trim: Callable | None = None) -> list[tf.Tensor]:
        """As `spans`, faster where each character is one byte; with ops that LiteRT does not have."""

        def of_bytes() -> list[tf.Tensor]:
            places = (pieces.firsts, pieces.lasts + 1)
            if trim is not None:
                places = trim(pieces.ids, *places)
            return [tf.identity(value) for value in (*places, *places)]

        is_simple = tf.reduce_all(tf.strings.length(text) == tf.strings.length(text, "UTF8_CHAR"))
        return tf.cond(is_simple, of_bytes, lambda: self.spans(text, pieces, trim))

    def table(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the byte of each character [C + B] and row splits [B + 1]; the character of each byte; bases [B].

        A text has one entry more than characters, for its end. The character of byte i of text b is at bases[b] + i.
        """
        _, offsets = self._op.normalize_with_offsets(text)
        starts, splits = tf.cast(offsets.flat_values, tf.int32), tf.cast(offsets.row_splits, tf.int32)
        sizes = tf.gather(starts, splits[1:] - 1) + 1  # bytes and the end
        base = tf.cumsum(sizes, exclusive=True)
        at = tf.gather(base, row_ids(splits, tf.size(starts))) + starts
        begins = scattered(at, tf.ones_like(at), tf.reduce_sum(sizes))
        return starts, splits, tf.cumsum(begins) - 1, base


@functools.cache
def _one_byte_each() -> np.ndarray:
    return np.frombuffer(normalizer_buffer({}, default="x"), np.uint8)
