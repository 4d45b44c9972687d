"""Batches of one shape, as XLA and TPUs need them. B texts, W windows (W = B without windows), S sequence."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import tree

IS_REAL = "is_real"  # float32 [W], 1 for a batch's own windows and 0 for those that fill it up
# Of tokens that belong to none; everything else is filled up with 0.
_FILLS = {"text_ids": -1, "word_ids": -1, "sentence_ids": -1}


def filled_up(features: dict[str, tf.Tensor], windows: int, length: int) -> dict[str, tf.Tensor]:
    """Features [W, S, ...] filled up with rows and tokens of padding to [windows, length, ...].

    >>> filled_up({"token_ids": tf.constant([[101, 102, 0]])}, windows=2, length=3)["token_ids"].numpy().tolist()
    [[101, 102, 0], [0, 0, 0]]
    """
    count = tf.shape(features["token_ids"])[0]
    filled = {name: _filled(value, windows, length, _FILLS.get(name, 0)) for name, value in features.items()}
    return {**filled, IS_REAL: tf.cast(tf.range(windows) < count, tf.float32)}


def filled_up_target(target: Any, windows: int, length: int) -> Any:
    """A target [W, ...], or a structure of targets, filled up with 0 to [windows, ...].

    >>> filled_up_target(tf.constant([1, 2]), windows=4, length=8).numpy().tolist()
    [1, 2, 0, 0]
    """
    return tree.map_structure(lambda part: _filled(part, windows, length), target)


def real(values: Any, is_real: tf.Tensor) -> Any:
    """The batch's own rows of a structure of tensors [W, ...]; is_real: float32 [W].

    >>> real(tf.constant([5, 6, 0]), tf.constant([1.0, 1.0, 0.0])).numpy().tolist()
    [5, 6]
    """
    count = tf.cast(tf.reduce_sum(is_real), tf.int32)
    return tree.map_structure(lambda value: value[:count], values)


def _filled(value: tf.Tensor, windows: int, length: int, fill: int = 0) -> tf.Tensor:
    shape = tf.shape(value)
    paddings, static = [[0, windows - shape[0]]], [windows]
    for axis, size in enumerate(value.shape[1:], start=1):
        room = length - shape[axis] if axis == 1 and size is None else 0
        paddings.append([0, room])
        static.append(length if size is None else size)
    return tf.ensure_shape(tf.pad(value, paddings, constant_values=tf.cast(fill, value.dtype)), static)
