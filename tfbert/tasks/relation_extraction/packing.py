"""Texts in five parts -> the dense batch that the encoder reads, with markers around the entities.

Shapes: B batch, S the longest row, at least 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from tfbert.tasks.relation_extraction.entities import Entities
    from tfbert.text import Tokenizer

# There is no Python control flow over tensors below for AutoGraph to find: it would take seconds.
_as_it_stands = tf.autograph.experimental.do_not_convert


@_as_it_stands
def pack(tokenizer: Tokenizer, entities: Entities, markers: Sequence[int], max_length: int) -> dict[str, tf.Tensor]:
    """[CLS] before [E1] head [/E1] between [E2] tail [/E2] after [SEP], or [E2] … first; [CLS] text [SEP] unmarked.

    Each part is tokenized by itself, so that no text can spell a marker. What is longer than `max_length` loses
    tokens before and after the entities evenly, then in the middle between them, then the ends of the entities:
    the markers always stay. Source: Baldini Soares et al. 2019, section 3.2.

    Args:
        entities: `Entities` of B texts.
        markers: ids of [E1], [/E1], [E2], [/E2].

    Returns:
        token_ids, segment_ids, padding_mask int32 [B, S]; head_start, tail_start int32 [B], the places of [E1] and
        [E2]; 0, which is [CLS], where there are none.
    """
    tokens = tokenizer.tokenize(tf.reshape(entities.parts, [-1]))
    splits = tf.cast(tokens.row_splits, tf.int32)
    begins = tf.reshape(splits[:-1], [-1, 5])
    sizes = tf.reshape(splits[1:] - splits[:-1], [-1, 5])
    marked = tf.cast(entities.found, tf.int32)
    before, first, left, right, second, after = kept_lengths(sizes, tokenizer.template.room(max_length, 1) - 4 * marked)
    size_before, _, size_between, _, _ = tf.unstack(sizes, axis=1)

    # Every place of the batch is looked up in one list: the tokens of all parts, then the fills.
    start, end = tokenizer.template.before, tokenizer.template.after
    fills = [*markers, *start, *end, tokenizer.padding_id]
    number = tf.size(tokens.flat_values)
    head_open, head_close, tail_open, tail_close, *special = (number + i for i in range(len(fills)))
    head_first = entities.head_first
    one = tf.ones_like(marked)
    begin_before, begin_first, begin_between, begin_second, begin_after = tf.unstack(begins, axis=1)
    runs = [  # in the order of a row: where a run begins in the list, and how long it is
        *((place * one, one) for place in special[: len(start)]),
        (begin_before + size_before - before, before),
        (tf.where(head_first, head_open, tail_open), marked),
        (begin_first, first),
        (tf.where(head_first, head_close, tail_close), marked),
        (begin_between, left),
        (begin_between + size_between - right, right),
        (tf.where(head_first, tail_open, head_open), marked),
        (begin_second, second),
        (tf.where(head_first, tail_close, head_close), marked),
        (begin_after, after),
        *((place * one, one) for place in special[len(start) : -1]),
    ]
    begin_of_run, lengths = (tf.stack(values, 1) for values in zip(*runs, strict=True))  # [B, runs]
    ends = tf.cumsum(lengths, axis=1)
    total = ends[:, -1:]
    position = tf.expand_dims(tf.range(tf.maximum(tf.reduce_max(total), 1)), 0)  # [1, S]
    run = tf.reduce_sum(tf.cast(tf.expand_dims(position, 2) >= tf.expand_dims(ends, 1), tf.int32), 2)
    run = tf.minimum(run, len(runs) - 1)  # padding, which has no run
    index = position + tf.gather(begin_of_run - (ends - lengths), run, batch_dims=1)
    index = tf.where(position < total, index, special[-1])
    token_ids = tf.gather(tf.concat([tokens.flat_values, tf.constant(fills, tokens.dtype)], 0), index)

    first_start = marked * (len(start) + before)
    second_start = marked * (len(start) + 2 + before + first + left + right)
    return {
        "token_ids": token_ids,
        "segment_ids": tf.zeros_like(token_ids),
        "padding_mask": tf.cast(position < total, tf.int32),
        "head_start": tf.where(head_first, first_start, second_start),
        "tail_start": tf.where(head_first, second_start, first_start),
    }


def kept_lengths(sizes: tf.Tensor, room: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """How many tokens of each part are kept so that they fill at most `room`, int32 [B].

    Args:
        sizes: int32 [B, 5], tokens of each part.
        room: int32 [B].

    Returns:
        Six int32 [B]: the last tokens of the first part, the first of the second, the first and the last of the
        third, the first of the fourth and of the fifth.
    """
    before, first, between, second, after = tf.unstack(sizes, axis=1)
    half = room // 2
    kept_first = tf.minimum(first, tf.maximum(half, room - second))
    kept_second = tf.minimum(second, room - kept_first)
    room -= kept_first + kept_second
    kept_between = tf.minimum(between, room)
    right = tf.where(kept_between < between, kept_between // 2, 0)
    room -= kept_between
    kept_before = tf.minimum(before, tf.maximum(room // 2, room - after))
    return kept_before, kept_first, kept_between - right, right, kept_second, tf.minimum(after, room - kept_before)
