"""Long texts -> overlapping windows, and which of them sees a token in its best context.

Shapes: B texts, W windows of all texts together, S = the longest window with its special tokens.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence

import tensorflow as tf

from tfbert.text.parts import Part
from tfbert.text.pieces import row_ids
from tfbert.text.template import Template

_QUESTION = 64  # tokens kept of a first text, unless told: Google's run_squad.py, max_query_length


class Windows(typing.NamedTuple):
    """The windows of a batch of texts."""

    parts: list[Part]  # one or two, whose rows are the windows
    rows: tf.Tensor  # int32 [W], the text that a window is from
    begins: tf.Tensor  # int32 [W], which token of its text a window begins with
    before: tf.Tensor  # int32 [W], tokens of a window before the cut text's

    def best_context(self, length: tf.Tensor) -> tf.Tensor:
        """Returns int32 [W, S], 1 where no other window sees the token with more text on both sides; S: `length`."""
        number = tf.range(length) - tf.expand_dims(self.before, 1)  # within the window, [W, S]
        return in_best_context(number, self.rows, self.begins, self.parts[-1].lengths)


def windows_of(
    parts: Sequence[Part], template: Template, max_length: int, stride: int, max_first_length: int | None
) -> Windows:
    """Cuts the last of one or two Parts into windows, each with the beginning of the first.

    Args:
        max_length: tokens of a window at most, special ones included.
        stride, max_first_length: as `Tokenizer.windows` has them.

    Raises ValueError for a `max_length` or `stride` that leaves no room for new tokens.
    """
    room = template.room(max_length, len(parts))
    if len(parts) > 1:
        if max_first_length is None:
            max_first_length = max(0, min(_QUESTION, (room - stride) // 2))
        room -= max_first_length
    if not 0 <= stride < room:
        raise ValueError(
            f"stride={stride} must be less than the {max(room, 0)} tokens of a text that a window of "
            f"max_length={max_length} holds" + (f" with max_first_length={max_first_length}" if len(parts) > 1 else "")
        )
    *first, cut_part = parts
    rooms = tf.fill(tf.shape(cut_part.lengths), room)
    if first:
        kept = tf.minimum(first[0].lengths, max_first_length)
        rooms += max_first_length - kept
    rows, begins, lengths = cut(cut_part.lengths, rooms, stride)
    of_windows, before = [], tf.fill(tf.shape(rows), len(template.before))
    if first:
        kept = tf.gather(kept, rows)
        before = kept + (len(template.before) + len(template.between))
        of_windows.append(first[0]._replace(begins=tf.gather(first[0].begins, rows), lengths=kept))
    of_windows.append(cut_part._replace(begins=tf.gather(cut_part.begins, rows) + begins, lengths=lengths))
    return Windows(of_windows, rows, begins, before)


def cut(lengths: tf.Tensor, room: tf.Tensor, stride: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Cuts texts of `lengths` [B] tokens into windows of at most `room` [B] that share `stride` tokens.

    Returns int32 [W] each: the text, the number of the window's first token in it, and the window's length. A
    text without tokens has one window.

    >>> rows, begins, lengths = cut(tf.constant([5, 0]), tf.constant([3, 3]), stride=1)
    >>> rows.numpy().tolist(), begins.numpy().tolist(), lengths.numpy().tolist()
    ([0, 0, 1], [0, 2, 0], [3, 3, 0])
    """
    step = room - stride
    more = tf.maximum(lengths - room + step - 1, 0) // step
    splits = tf.concat([[0], tf.cumsum(1 + more)], 0)
    total = splits[-1]
    rows = row_ids(splits, total)
    begins = (tf.range(total) - tf.gather(splits, rows)) * tf.gather(step, rows)
    return rows, begins, tf.minimum(tf.gather(room, rows), tf.gather(lengths, rows) - begins)


def in_best_context(number: tf.Tensor, rows: tf.Tensor, begins: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Whether a window is the one, of those that hold a token, with the most context on the token's poorer side.

    If two are equal, the first counts. Source: google-research/bert, run_squad.py, _check_is_max_context.

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
        """The score of the same tokens in the window before (-1) or after (1); -1 if that is another text's."""
        window = tf.range(tf.size(rows))
        there = tf.clip_by_value(window + shift, 0, tf.size(rows) - 1)
        same_text = tf.equal(tf.gather(rows, there), rows) & tf.not_equal(there, window)
        length = tf.where(same_text, tf.gather(lengths, there), 0)
        moved = tf.expand_dims(begins - tf.gather(begins, there), 1)
        return score(number + moved, tf.expand_dims(length, 1))

    # The score rises from window to window and then falls, so the two neighbours are enough.
    here = score(number, tf.expand_dims(lengths, 1))
    return tf.cast((here >= 0) & (here > neighbour(-1)) & (here >= neighbour(1)), tf.int32)
