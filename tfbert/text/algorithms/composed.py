"""A stage of tokenization: texts in one of Unicode's normal forms. B texts, T tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfbert.text.algorithms.stages import Normalized
from tfbert.text.offsets import CharacterTable
from tfbert.text.pieces import Pieces, row_ids, scattered

# Marks that become two marks, neither of which is composed with the other again.
_TWO_MARKS = {0x0344: "\u0308\u0301", 0x0F73: "\u0f71\u0f72", 0x0F75: "\u0f71\u0f74", 0x0F81: "\u0f71\u0f80"}


class Composed:
    """The stage that brings texts into a form and hands them to the `inner` stage.

    Args:
        form: "NFC", "NFD", "NFKC" or "NFKD".
        inner: the stage that follows.
    """

    def __init__(self, form: str, inner: Callable[[tf.Tensor, bool], Pieces]) -> None:
        import tensorflow_text

        self._ops: Any = tensorflow_text
        self._form, self._inner, self._characters = form, inner, CharacterTable()
        self._with_places = Normalized(_TWO_MARKS, self._composed)

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        return self._with_places(text, places) if places else self._composed(text, places)

    def _composed(self, text: tf.Tensor, places: bool) -> Pieces:
        return self.placed(text, self._inner(self.replace(text), places))

    def replace(self, text: tf.Tensor) -> tf.Tensor:
        """Returns the texts in the form."""
        return self._ops.normalize_utf8(text, self._form)

    def placed(self, text: tf.Tensor, pieces: Pieces) -> Pieces:
        """Returns pieces of the normalized text with their places in the text itself."""
        if pieces.firsts is None:
            return pieces

        def mapped() -> list[tf.Tensor]:
            row = row_ids(pieces.row_splits, tf.size(pieces.ids))
            character, base, byte_of = self._alignment(text)
            base = tf.gather(base, row)
            return [tf.gather(byte_of, tf.gather(character, base + at)) for at in (pieces.firsts, pieces.lasts)]

        def same() -> list[tf.Tensor]:
            return [tf.identity(pieces.firsts), tf.identity(pieces.lasts)]

        is_same = tf.reduce_all(tf.equal(text, self.replace(text)))
        firsts, lasts = tf.cond(is_same, same, mapped)
        return pieces._replace(firsts=firsts, lasts=lasts)

    def _alignment(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns where normalized characters come from, as `tokenizers` counts it.

        Returns the normalized character of each normalized byte, where each text's bytes begin among all [B], and the
        byte of the text itself that a normalized character comes from. Where several characters change together, the
        first takes up what has become less, and the others are counted from the last one backwards.
        """
        normalized, places = self._ops.normalize_utf8_with_offsets_map(text, self._form)
        starts, splits, character, base = self._characters.table(normalized)
        of_rows = tf.RaggedTensor.from_row_splits(
            tf.cast(starts, tf.int64), tf.cast(splits, tf.int64), validate=False
        )  # a text has its end too: the operation refuses one without places
        source = tf.cast(self._ops.find_source_offsets(places, of_rows).flat_values, tf.int32)
        source_starts, _, source_character, source_base = self._characters.table(text)
        of = tf.gather(source_character, tf.gather(source_base, row_ids(splits, tf.size(starts))) + source)
        # Within a run that changed together, all but the first are said to begin where it ends.
        following = tf.concat([of[1:], tf.fill([1], -1)], 0)
        is_end = scattered(splits[1:] - 1, tf.ones_like(splits[1:]), tf.size(starts)) > 0
        firsts = tf.where((of != following) | is_end)[:, 0]
        number = tf.range(tf.size(starts), dtype=tf.int64)
        after = tf.searchsorted(firsts, number, side="right")
        first = tf.gather(firsts, tf.maximum(after - 1, 0))  # of the run
        end = tf.gather(firsts, tf.minimum(after, tf.size(firsts) - 1))  # what follows the run
        back = tf.gather(of, end) - tf.cast(end - number, tf.int32)
        of = tf.where(first == number, of, tf.maximum(tf.gather(of, first), back))
        return character, base, tf.gather(source_starts, of)
