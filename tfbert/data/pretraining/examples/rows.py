"""Sequences -> rows: several packed in one, laid out as tokens, serialized as tf.train.Example.

Shapes: T tokens of the text, Q sequences, W rows, L tokens of all rows together.
"""

import itertools
import random
import typing

import numpy as np

from tfbert.data.pretraining.examples.example_bytes import serialized_examples


class Rows(typing.NamedTuple):
    """W rows, which hold Q sequences. The arrays [L] and [Q] are in the rows' order."""

    token_ids: np.ndarray  # int32 [L]
    segment_ids: np.ndarray  # int32 [L]
    word_starts: np.ndarray  # int32 [L]
    sequence_lengths: np.ndarray  # int64 [Q]
    labels: np.ndarray  # int64 [Q], or empty
    sequences: np.ndarray  # int64 [W + 1], where each row begins in the sequences
    splits: np.ndarray  # int64 [W + 1], where each row begins in the tokens


def make_rows(tokens, sequences, *, template, max_length, packed, seed):
    """Returns the Rows of sequences in random order, a function of the arguments alone.

    Args:
        tokens: the Tokens that the sequences speak of.
        template: the tokenizer's `Template`, as the sequences were made with.
        packed: put sequences together while they fit into `max_length`.
    """
    lengths = sequences.lengths(template)
    rows = pack(lengths, max_length) if packed else list(range(len(lengths)))
    random.Random(seed).shuffle(rows)
    order = np.array(list(itertools.chain.from_iterable(rows)) if packed else rows, np.int64)
    row_sequences = _starts([len(row) for row in rows]) if packed else np.arange(len(rows) + 1)
    token_ids, segment_ids, word_starts = _laid_out(tokens, sequences, order, template)
    labels = sequences.labels[order] if len(sequences.labels) else sequences.labels
    splits = _starts(lengths[order])[row_sequences]
    return Rows(token_ids, segment_ids, word_starts, lengths[order], labels, row_sequences, splits)


def pack(lengths, max_length):
    """Puts sequences into rows of `max_length` tokens, the longest first, each where the least room is left behind it.

    Best fit decreasing, on average within a few percent of the fewest rows. Returns lists of sequence numbers.

    >>> pack([5, 3, 4, 4], 8)
    [[0, 1], [2, 3]]
    """
    rows, with_room = [], [[] for _ in range(max_length + 1)]
    rooms = 0  # bit r is set where there is a row with room for r tokens
    for number in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        length = int(lengths[number])
        fitting = rooms >> length
        if fitting:
            room = length + (fitting & -fitting).bit_length() - 1
            row = with_room[room].pop()
            if not with_room[room]:
                rooms ^= 1 << room
        else:
            room, row = max_length, []
            rows.append(row)
        row.append(number)
        with_room[room - length].append(row)
        rooms |= 1 << room - length
    return rows


def serialized(rows, masked=None):
    """Yields the rows as serialized tf.train.Example, with the features of `tfbert.data.pretraining.shards`.

    Args:
        masked: for static masks, (token_ids [L], masked_positions [M], masked_ids [M], splits [W + 1]).
    """
    features = {
        "token_ids": (rows.token_ids, rows.splits),
        "segment_ids": (rows.segment_ids, rows.splits),
        "word_starts": (rows.word_starts, rows.splits),
        "sequence_lengths": (rows.sequence_lengths, rows.sequences),
        "next_sentence": (rows.labels, rows.sequences if len(rows.labels) else np.zeros_like(rows.sequences)),
    }
    if masked is not None:
        token_ids, positions, ids, splits = masked
        features.update(
            token_ids=(token_ids, rows.splits), masked_positions=(positions, splits), masked_ids=(ids, splits)
        )
    return serialized_examples(features)


def _laid_out(tokens, sequences, order, template):
    """token_ids, segment_ids and word_starts [L] of the sequences in an order."""
    runs = _ranges(sequences.runs[order], sequences.runs[order + 1])
    counts = sequences.runs[order + 1] - sequences.runs[order]  # runs of each sequence
    number = _ranges(np.zeros_like(order), counts)  # of a run in its sequence
    starts, ends = sequences.starts[runs], sequences.ends[runs]
    is_first, is_last = number == 0, number == np.repeat(counts, counts) - 1
    from_begin = ends - starts + np.where(is_last, len(template.after), len(template.between))
    with_specials = len(template.before) * is_first + from_begin
    begins = np.cumsum(with_specials) - from_begin
    stops = begins + ends - starts
    places, taken = _ranges(begins, stops), _ranges(starts, ends)

    token_ids = np.empty(with_specials.sum(), np.int32)
    token_ids[places] = tokens.ids[taken]
    for special_ids, at in (
        (template.before, begins[is_first] - len(template.before)),
        (template.between, stops[~is_last]),
        (template.after, stops[is_last]),
    ):
        for i, special_id in enumerate(special_ids):
            token_ids[at + i] = special_id
    word_starts = np.ones_like(token_ids)
    word_starts[places] = tokens.begins[taken]
    word_starts[begins] = 1  # of a word longer than a row, too, of which truncation left the end
    is_pair = len(sequences.labels) > 0
    segment = number * (template.second_segment if is_pair else 0)
    segment_ids = np.repeat(segment, with_specials).astype(np.int32)
    return token_ids, segment_ids, word_starts


def _ranges(starts, ends):
    """The numbers from each start to before its end, one after the other.

    >>> _ranges(np.array([3, 7]), np.array([5, 8])).tolist()
    [3, 4, 7]
    """
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def _starts(counts):
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
