"""Tokens of a batch of texts and where they lie in them: what the stages of tokenization hand to each other.

Shapes: B texts, T tokens of all texts together, R values of a ragged tensor.
"""

from __future__ import annotations

import typing
from collections.abc import Callable

import tensorflow as tf


class Pieces(typing.NamedTuple):
    """The tokens of B texts, text after text.

    firsts, lasts: int32 [T], the byte of the text where a token's first character begins and a byte of its last
    character. begins: int32 [T], 1 for a word's first token. All three are None where places were not asked for.
    """

    ids: tf.Tensor  # int32 [T]
    row_splits: tf.Tensor  # int32 [B + 1]
    firsts: tf.Tensor | None
    lasts: tf.Tensor | None
    begins: tf.Tensor | None

    def without_places(self) -> Pieces:
        """Returns the tokens alone."""
        return self._replace(firsts=None, lasts=None, begins=None)


def scattered(at: tf.Tensor, values: tf.Tensor, size: int | tf.Tensor) -> tf.Tensor:
    """Returns int32 [size], the sums of the `values` [R] whose place `at` [R] is the same, 0 elsewhere.

    >>> scattered(tf.constant([2, 0, 2]), tf.constant([1, 5, 1]), 3).numpy().tolist()
    [5, 0, 2]
    """
    # One place more than asked for: rows without values may begin there, and without any LiteRT's kernel divides by 0.
    return tf.scatter_nd(tf.expand_dims(at, 1), values, [size + 1])[:size]


def row_ids(row_splits: tf.Tensor, size: int | tf.Tensor) -> tf.Tensor:
    """Returns the row of each value, int32 [size], as `tf.repeat` would, in ops that LiteRT has too.

    >>> row_ids(tf.constant([0, 2, 2, 3]), 3).numpy().tolist()
    [0, 0, 2]
    """
    begins = row_splits[1:-1]
    return tf.cumsum(scattered(begins, tf.ones_like(begins), size))


def when(condition: tf.Tensor, then: Callable[[], Pieces], otherwise: Callable[[], Pieces]) -> Pieces:
    """Returns `tf.cond` of two functions whose Pieces both have places, or both have none."""

    def dense(function: Callable[[], Pieces]) -> Callable[[], list[tf.Tensor]]:
        return lambda: [tf.identity(value) for value in function() if value is not None]

    values = tf.cond(condition, dense(then), dense(otherwise))
    return Pieces(*values, *[None] * (len(Pieces._fields) - len(values)))
