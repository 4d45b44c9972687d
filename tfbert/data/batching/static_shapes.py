"""Batches of one shape, as XLA and TPUs want them. B texts, W windows, S sequence."""

import tensorflow as tf
from keras import tree

IS_REAL = "is_real"  # float32 [W], 1 of a batch's own windows and 0 of those that fill it up
_FILLS = {"word_ids": -1, "sentence_ids": -1}  # of tokens that belong to none; all else is filled up with 0


def filled_up(features, windows, length):
    """Features [W, S, ...] with as many rows and tokens of padding behind them as [windows, length] has room for.

    >>> filled_up({"token_ids": tf.constant([[101, 102, 0]])}, windows=2, length=3)["token_ids"].numpy().tolist()
    [[101, 102, 0], [0, 0, 0]]
    """
    count = tf.shape(features["token_ids"])[0]
    filled = {name: _filled(value, windows, length, _FILLS.get(name, 0)) for name, value in features.items()}
    return {**filled, IS_REAL: tf.cast(tf.range(windows) < count, tf.float32)}


def filled_up_target(target, windows, length):
    """A target [W, ...], or a structure of them, filled up with 0 to `windows` rows."""
    return tree.map_structure(lambda part: _filled(part, windows, length), target)


def real(values, is_real):
    """The batch's own rows of a structure of tensors; is_real: float32 [W]."""
    count = tf.cast(tf.reduce_sum(is_real), tf.int32)
    return tree.map_structure(lambda value: value[:count], values)


def _filled(value, windows, length, fill=0):
    shape = tf.shape(value)
    paddings, static = [[0, windows - shape[0]]], [windows]
    for axis, size in enumerate(value.shape[1:], start=1):
        room = length - shape[axis] if axis == 1 and size is None else 0
        paddings.append([0, room])
        static.append(length if size is None else size)
    return tf.ensure_shape(tf.pad(value, paddings, constant_values=tf.cast(fill, value.dtype)), static)
