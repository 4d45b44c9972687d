"""Sequences -> rows: one or several sequences each, laid out as tokens, serialized as tf.train.Example.

Shapes: T tokens of the text, Q sequences, W rows, L tokens of all rows together.
"""

from __future__ import annotations

import itertools
import random
import typing
from collections.abc import Iterator, Sequence

import numpy as np

from tfbert.data.pretraining.examples.example_bytes import serialized_examples
from tfbert.data.pretraining.examples.sequences import Sequences
from tfbert.data.pretraining.examples.tokens import Tokens
from tfbert.text.template import Template


class Rows(typing.NamedTuple):
    """W rows, which hold Q sequences. The arrays [L] and [Q] are in the rows' order."""

    token_ids: np.ndarray  # int32 [L]
    segment_ids: np.ndarray  # int32 [L]
    word_starts: np.ndarray  # int32 [L]
    sequence_lengths: np.ndarray  # int64 [Q]
    labels: np.ndarray  # int64 [Q], or empty
    sequences: np.ndarray  # int64 [W + 1], where each row begins in the sequences
    splits: np.ndarray  # int64 [W + 1], where each row begins in the tokens


def make_rows(
    tokens: Tokens, sequences: Sequences, *, template: Template, max_length: int, packed: bool, seed: str | int
) -> Rows:
    """The rows of sequences in random order, a function of the arguments alone.

    Args:
        tokens: the Tokens that the sequences are made of.
        template: the tokenizer's `Template`; the sequences were made with it.
        packed: put sequences together while they fit into `max_length`.
    """
    lengths = sequences.lengths(template)
    if packed:
        rows = pack(lengths, max_length)
        random.Random(seed).shuffle(rows)
        order = np.array(list(itertools.chain.from_iterable(rows)), np.int64)
        row_sequences = _starts([len(row) for row in rows])
    else:
        numbers = list(range(len(lengths)))
        random.Random(seed).shuffle(numbers)
        order, row_sequences = np.array(numbers, np.int64), np.arange(len(numbers) + 1)
    token_ids, segment_ids, word_starts = _laid_out(tokens, sequences, order, template)
    labels = sequences.labels[order] if len(sequences.labels) else sequences.labels
    splits = _starts(lengths[order])[row_sequences]
    return Rows(token_ids, segment_ids, word_starts, lengths[order], labels, row_sequences, splits)


def pack(lengths: Sequence[int] | np.ndarray, max_length: int) -> list[list[int]]:
    """Puts sequences into rows of `max_length` tokens: the longest first, each into the row with the least room for it.

    This is "best fit decreasing", on average within a few percent of the fewest rows. Returns lists of
    sequence numbers.

    >>> pack([5, 3, 4, 4], 8)
    [[0, 1], [2, 3]]
    """
    rows: list[list[int]] = []
    with_room: list[list[list[int]]] = [[] for _ in range(max_length + 1)]
    rooms = 0  # bit r is set if there is a row with room for r tokens
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


def serialized(
    rows: Rows, masked: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None
) -> Iterator[bytes]:
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


def _laid_out(
    tokens: Tokens, sequences: Sequences, order: np.ndarray, template: Template
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    word_starts[begins] = 1  # also of the end of a word that is longer than a row, of which the begin was cut off
    is_pair = len(sequences.labels) > 0
    segment = number * (template.second_segment if is_pair else 0)
    segment_ids = np.repeat(segment, with_specials).astype(np.int32)
    return token_ids, segment_ids, word_starts


def _ranges(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The numbers from each start to its end, without the end, one range after the other.

    >>> _ranges(np.array([3, 7]), np.array([5, 8])).tolist()
    [3, 4, 7]
    """
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def _starts(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
