"""Special and added tokens that take the white space around them along. L literals, G pieces of text between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfbert.text.algorithms.white_space import SPACE
from tfbert.text.pieces import scattered


class Strips:
    """What literals take of the pieces of text between them: `tokenizers`' lstrip and rstrip.

    Args:
        of: {literal: whether it takes the white space before it along, and after it}.
        widens: the white space belongs to the literal's place; else it belongs to nothing.
        keeps_one: without `widens`, one space that begins a text does belong to it.
    """

    def __init__(self, of: Mapping[str, tuple[bool, bool]], *, widens: bool, keeps_one: bool) -> None:
        self._of, self._widens, self._keeps_one = of, widens, keeps_one
        self.of_any = any(map(any, of.values()))

    def sides(self, literals: Sequence[str]) -> np.ndarray:
        """Returns int32 [len(literals), 2], 1 where a literal takes what is before it, and after it."""
        return np.array([self._of.get(literal, (False, False)) for literal in literals], np.int32)

    def __call__(
        self,
        between: tf.Tensor,
        begins: tf.Tensor,
        before: tf.Tensor,
        starts: tf.Tensor,
        ends: tf.Tensor,
        sides: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns `between`, `begins`, `starts` and `ends` without what is taken.

        Args:
            between, begins: pieces of text, strings [G], and where they begin in it.
            before: the piece before each literal, int32 [L]; the next one follows it.
            starts, ends: the bytes where each literal begins and ends, int32 [L].
            sides: of each literal, int32 [L, 2].
        """
        count = tf.size(between)
        # A literal takes what the one before it has left.
        after_one, before_one = (scattered(before + 1 - i, sides[:, 1 - i], count) for i in (0, 1))
        begun = tf.strings.regex_replace(between, f"^[{SPACE}]+", "", replace_global=False)
        begun = tf.where(after_one > 0, begun, between)
        ended = tf.strings.regex_replace(begun, f"[{SPACE}]+$", "", replace_global=False)
        ended = tf.where(before_one > 0, ended, begun)
        left = tf.strings.length(between) - tf.strings.length(begun)  # [G]
        right = tf.gather(tf.strings.length(begun) - tf.strings.length(ended), before)  # [L]
        if self._widens:
            starts, ends = starts - right, ends + tf.gather(left, before + 1)
        elif self._keeps_one:
            characters = tf.strings.length(begun, "UTF8_CHAR") - tf.strings.length(ended, "UTF8_CHAR")
            starts -= tf.where((tf.gather(characters, before) == 1) & (starts == right), right, 0)
        return ended, begins + left, starts, ends
