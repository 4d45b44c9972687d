"""How many tokens of each text are kept. B texts, or pairs of texts."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfbert.text.parts import Part

TRUNCATIONS = ("longest_first", "only_first", "only_second")


def check_truncation(truncation: str) -> None:
    """Raises ValueError for what is not one of `TRUNCATIONS`."""
    if truncation not in TRUNCATIONS:
        raise ValueError(f"truncation={truncation!r}; expected one of {', '.join(TRUNCATIONS)}")


def truncated(parts: Sequence[Part], room: int, truncation: str, check: bool) -> list[Part]:
    """Returns one or two Parts whose tokens fill at most `room` of each row, as `truncated_lengths`."""
    kept: tuple[tf.Tensor, ...]
    if len(parts) == 1:
        kept = (tf.minimum(parts[0].lengths, room),)
    else:
        kept = truncated_lengths(parts[0].lengths, parts[1].lengths, room, truncation, check)
    return [part._replace(lengths=lengths) for part, lengths in zip(parts, kept, strict=True)]


def truncated_lengths(
    first: tf.Tensor, second: tf.Tensor, room: int, truncation: str, check: bool = True
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns how many tokens of each text to keep, int32 [B] each, so that they fill at most `room`.

    "longest_first" is Hugging Face's closed form: the longer text loses tokens down to the other's length,
    then both get half of `room`, and the odd token goes to the second unless the first was the longer.
    "only_first" and "only_second" raise InvalidArgumentError where the other text alone leaves no room, with
    `check`.

    >>> first, second = truncated_lengths(tf.constant([9, 2]), tf.constant([3, 2]), 7, "longest_first")
    >>> first.numpy().tolist(), second.numpy().tolist()
    ([4, 2], [3, 2])
    """
    check_truncation(truncation)
    excess = tf.maximum(first + second - room, 0)
    if truncation != "longest_first":
        shortened = first if truncation == "only_first" else second
        checks = []
        if check:
            possible = tf.reduce_all(tf.equal(excess, 0) | (shortened > excess))
            message = f"truncation={truncation!r}: the other text of a pair alone fills max_length"
            checks = [tf.debugging.Assert(possible, [message])]
        with tf.control_dependencies(checks):
            shortened = shortened - excess
        return (shortened, second) if truncation == "only_first" else (first, shortened)
    swap = first > second
    short, long = tf.minimum(first, second), tf.maximum(first, second)
    halves = short > room - short
    kept_short = tf.where(halves, room // 2, short)
    kept_long = tf.where(halves, room - room // 2, room - short)
    fits = tf.equal(excess, 0)
    kept_short, kept_long = tf.where(fits, short, kept_short), tf.where(fits, long, kept_long)
    return tf.where(swap, kept_long, kept_short), tf.where(swap, kept_short, kept_long)
