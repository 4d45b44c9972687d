"""Long texts -> overlapping windows, and which of them sees a token in its best context.

Shapes: B texts, W windows of all texts together, S = the longest window with its special tokens.
"""

import tensorflow as tf

from tfbert.text.pieces import row_ids


def cut(lengths, room, stride):
    """Cuts texts of `lengths` [B] tokens into windows of at most `room` [B] that share `stride` tokens.

    Returns int32 [W] each: the text, the number of the window's first token in it, and the window's length. A
    text without tokens has one window.
    """
    step = room - stride
    more = tf.maximum(lengths - room + step - 1, 0) // step
    splits = tf.concat([[0], tf.cumsum(1 + more)], 0)
    total = splits[-1]
    rows = row_ids(splits, total)
    begins = (tf.range(total) - tf.gather(splits, rows)) * tf.gather(step, rows)
    return rows, begins, tf.minimum(tf.gather(room, rows), tf.gather(lengths, rows) - begins)


def in_best_context(number, rows, begins, lengths):
    """Whether a window is the one, of those that hold a token, with the most context on the token's poorer side.

    Where two are equal, the first. Source: google-research/bert, run_squad.py, _check_is_max_context.

    Args:
        number: int32 [W, S], which token of the window stands there; below 0 or from its length on, none.
        rows, begins, lengths: int32 [W], as `cut` returns them.

    Returns:
        int32 [W, S], 0 or 1.
    """

    def score(number, length):  # a hundredth of the window's length breaks ties there: 100 times all of it
        inside = (number >= 0) & (number < length)
        return tf.where(inside, 100 * tf.minimum(number, length - 1 - number) + length, -1)

    def neighbour(shift):
        """The same tokens in the window before (-1) or after (1); -1 if that is another text's."""
        window = tf.range(tf.size(rows))
        there = tf.clip_by_value(window + shift, 0, tf.size(rows) - 1)
        same_text = tf.equal(tf.gather(rows, there), rows) & tf.not_equal(there, window)
        length = tf.where(same_text, tf.gather(lengths, there), 0)
        moved = tf.expand_dims(begins - tf.gather(begins, there), 1)
        return score(number + moved, tf.expand_dims(length, 1))

    # The score rises from window to window and then falls, so that the neighbours tell.
    here = score(number, tf.expand_dims(lengths, 1))
    return tf.cast((here >= 0) & (here > neighbour(-1)) & (here >= neighbour(1)), tf.int32)
