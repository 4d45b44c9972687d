"""Ragged token ids -> the dense batch that BERT reads: [CLS] first [SEP], or [CLS] first [SEP] second [SEP].

Shapes: B texts, S = the longest row of the batch, at least 1. Dense ops only: they are faster than slicing
and joining ragged tensors, which LiteRT cannot do at all.
"""

import tensorflow as tf

TRUNCATIONS = ("longest_first", "only_first", "only_second")


def pack(first, second, max_length, truncation, cls_id, sep_id, pad_id):
    """Returns {"token_ids", "segment_ids", "padding_mask"}, int32 [B, S].

    first, second: RaggedTensor of int32 ids [B, (tokens)]; `second` may be None.
    """
    specials = 2 if second is None else 3
    if max_length < specials:
        raise ValueError(f"max_length={max_length} leaves no room for the {specials} special tokens")
    room = max_length - specials
    first_starts, first_lengths = _starts_and_lengths(first)
    if second is None:
        first_lengths = tf.minimum(first_lengths, room)
        lengths = first_lengths + 2
    else:
        second_starts, second_lengths = _starts_and_lengths(second)
        first_lengths, second_lengths = truncated_lengths(first_lengths, second_lengths, room, truncation)
        lengths = first_lengths + second_lengths + 3

    # Every place of the batch is looked up in one list: all first tokens, all second ones, the special ones.
    values = [first.flat_values, [cls_id, sep_id, pad_id]]
    special = tf.size(first.flat_values)
    position = tf.expand_dims(tf.range(tf.maximum(tf.reduce_max(lengths), 1)), 0)  # [1, S]
    lengths, first_lengths = tf.expand_dims(lengths, 1), tf.expand_dims(first_lengths, 1)  # [B, 1]
    first_index = tf.expand_dims(first_starts, 1) + position - 1
    if second is None:
        body = first_index
        segment_ids = tf.zeros_like(first_index)
    else:
        values.insert(1, second.flat_values)
        begin = first_lengths + 2
        second_index = tf.expand_dims(second_starts, 1) + special + position - begin
        special += tf.size(second.flat_values)
        body = tf.where(position <= first_lengths, first_index, second_index)
        body = tf.where(tf.equal(position, first_lengths + 1), special + 1, body)
        segment_ids = tf.cast((position >= begin) & (position < lengths), tf.int32)
    ends = tf.where(position < lengths, special + 1, special + 2)  # [SEP], then [PAD]
    index = tf.where(position < lengths - 1, body, ends)
    index = tf.where(tf.equal(position, 0), special, index)
    return {
        "token_ids": tf.gather(tf.concat(values, axis=0), index),
        "segment_ids": segment_ids,
        "padding_mask": tf.cast(position < lengths, tf.int32),
    }


def truncated_lengths(first, second, room, truncation):
    """Returns how many tokens of each text to keep, int32 [B], [B], so that they fill at most `room`.

    "longest_first" is Hugging Face's closed form: the longer text loses tokens down to the other's length,
    then both get half of `room`, and the odd token goes to the second unless the first was the longer.
    "only_first" and "only_second" raise InvalidArgumentError where the other text alone leaves no room.
    """
    if truncation not in TRUNCATIONS:
        raise ValueError(f"truncation={truncation!r}; expected one of {', '.join(TRUNCATIONS)}")
    excess = tf.maximum(first + second - room, 0)
    if truncation != "longest_first":
        shortened = first if truncation == "only_first" else second
        possible = tf.reduce_all(tf.equal(excess, 0) | (shortened > excess))
        message = f"truncation={truncation!r}: the other text of a pair alone fills max_length"
        with tf.control_dependencies([tf.debugging.Assert(possible, [message])]):
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


def _starts_and_lengths(ragged):
    splits = tf.cast(ragged.row_splits, tf.int32)
    return splits[:-1], splits[1:] - splits[:-1]
