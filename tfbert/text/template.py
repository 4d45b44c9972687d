"""Tokens of texts -> the dense batch that BERT reads: [CLS] first [SEP], or [CLS] first [SEP] second [SEP].

Shapes: B texts, T tokens of all texts together, R rows of the batch (texts, or windows of texts), S = the longest
row, at least 1. Dense ops only: they are faster than slicing and joining ragged tensors, which LiteRT cannot do.
"""

import typing

import tensorflow as tf

TRUNCATIONS = ("longest_first", "only_first", "only_second")


class Part(typing.NamedTuple):
    """A run of tokens for each row: `features` [T, ...], of which a row takes `lengths` [R] from `begins` [R] on."""

    features: dict
    begins: tf.Tensor
    lengths: tf.Tensor


def assemble(parts, fills):
    """Rows of [CLS] and each part with a [SEP] after it, padded to the longest.

    Args:
        parts: one or two `Part`s with the same features.
        fills: {feature: its values for [CLS], [SEP] and padding}.

    Returns:
        The features [R, S, ...], `segment_ids` and `padding_mask` int32 [R, S].
    """
    lengths = tf.expand_dims(tf.add_n([part.lengths for part in parts]) + (len(parts) + 1), 1)  # [R, 1]
    position = tf.expand_dims(tf.range(tf.maximum(tf.reduce_max(lengths), 1)), 0)  # [1, S]

    # Every place of the batch is looked up in one list: the tokens of the first part, of the second, the fills.
    values = {name: [part.features[name] for part in parts] for name in fills}
    sizes = [tf.shape(tokens)[0] for tokens in values["token_ids"]]
    start = tf.add_n(sizes)
    separator, padding = start + 1, start + 2
    index = tf.where(position < lengths, separator, padding)
    if len(parts) == 1:
        index = tf.where(position < lengths - 1, position + tf.expand_dims(parts[0].begins - 1, 1), index)
        segment_ids = tf.zeros_like(index)
    else:
        end = tf.expand_dims(parts[0].lengths + 1, 1)  # of the first part: where its [SEP] is
        second = position + tf.expand_dims(sizes[0] + parts[1].begins, 1) - (end + 1)
        index = tf.where(position < lengths - 1, second, index)
        index = tf.where(tf.equal(position, end), separator, index)
        index = tf.where(position < end, position + tf.expand_dims(parts[0].begins - 1, 1), index)
        segment_ids = tf.cast((position > end) & (position < lengths), tf.int32)
    index = tf.where(tf.equal(position, 0), start, index)
    batch = {
        name: tf.gather(tf.concat([*values[name], tf.constant(fill, values[name][0].dtype)], 0), index)
        for name, fill in fills.items()
    }
    return {**batch, "segment_ids": segment_ids, "padding_mask": tf.cast(position < lengths, tf.int32)}


def truncated_lengths(first, second, room, truncation, check=True):
    """Returns how many tokens of each text to keep, int32 [B], [B], so that they fill at most `room`.

    "longest_first" is Hugging Face's closed form: the longer text loses tokens down to the other's length,
    then both get half of `room`, and the odd token goes to the second unless the first was the longer.
    "only_first" and "only_second" raise InvalidArgumentError where the other text alone leaves no room, with
    `check`.
    """
    if truncation not in TRUNCATIONS:
        raise ValueError(f"truncation={truncation!r}; expected one of {', '.join(TRUNCATIONS)}")
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
