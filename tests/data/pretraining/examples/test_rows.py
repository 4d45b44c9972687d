"""Sequences -> rows and their bytes."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.data.pretraining import shards
from tfbert.data.pretraining.examples.example_bytes import serialized_examples
from tfbert.data.pretraining.examples.rows import make_rows, pack, serialized
from tfbert.data.pretraining.examples.sequences import Sequences, make_sequences
from tfbert.data.pretraining.examples.tokens import Tokens
from tfbert.text.template import Template

MANY = settings(max_examples=80, deadline=None)
CLS, SEP = 2, 3
TEMPLATE = Template((CLS,), (SEP,), (SEP,))


@MANY
@given(st.lists(st.integers(1, 50), max_size=60))
def test_packed_rows_hold_each_sequence_once(lengths):
    rows = pack(lengths, 50)
    assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
    room = [50 - sum(lengths[number] for number in row) for row in rows]
    assert all(left >= 0 for left in room)
    # A row was begun only where its first sequence fitted into none before.
    for (_, left), (row, _) in itertools.combinations(zip(rows, room, strict=True), 2):
        assert lengths[row[0]] > left


def test_packing_is_close_to_the_fewest_rows():
    lengths = np.random.default_rng(0).integers(5, 129, 3_000)
    assert len(pack(lengths, 128)) < 1.04 * lengths.sum() / 128


@MANY
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 2**40), max_size=5), st.lists(st.integers(0, 300), max_size=200)), max_size=9
    )
)
def test_bytes_are_those_of_the_message(rows):
    columns = {"large": [row[0] for row in rows], "small": [row[1] for row in rows]}
    features = {
        name: (np.array(sum(column, []), np.int64), np.cumsum([0, *map(len, column)]))
        for name, column in columns.items()
    }
    made = list(serialized_examples(features))
    assert len(made) == len(rows)
    for data, row in zip(made, rows, strict=True):
        feature = tf.train.Example.FromString(data).features.feature
        assert sorted(feature) == ["large", "small"]
        assert [list(feature[name].int64_list.value) for name in ("large", "small")] == list(map(list, row))


def numbered_tokens():
    begins = np.ones(200, bool)
    begins[1::3] = False
    sentences = np.arange(0, 201, 4)
    begins[sentences[:-1]] = True
    return Tokens(np.arange(100, 300, dtype=np.int32), begins, sentences, np.array([0, 10, 11, 30, 50]))


@pytest.mark.parametrize("objective", ["nsp", "sop", "none"])
@pytest.mark.parametrize("packed", [False, True])
def test_rows_are_laid_out(objective, packed):
    tokens = numbered_tokens()
    sequences = make_sequences(
        tokens, template=TEMPLATE, objective=objective, max_length=32, short_probability=0.3, seed="s"
    )
    rows = make_rows(tokens, sequences, template=TEMPLATE, max_length=32, packed=packed, seed="s")
    records = list(serialized(rows))
    assert len(records) < len(sequences.lengths(TEMPLATE)) or not packed or objective == "none"
    runs = [tokens.ids[a:b].tolist() for a, b in zip(sequences.starts, sequences.ends, strict=True)]
    wanted = [runs[a:b] for a, b in itertools.pairwise(sequences.runs)]
    wanted = sorted(zip(wanted, sequences.labels.tolist() or itertools.repeat(None), strict=False))
    found = []
    for record in records:
        row = {name: values.numpy().tolist() for name, values in shards.parse(tf.constant(record)).items()}
        assert len(row["token_ids"]) == len(row["segment_ids"]) == len(row["word_starts"]) <= 32
        assert sum(row["sequence_lengths"]) == len(row["token_ids"])
        assert len(row["sequence_lengths"]) == 1 or packed
        labels = row["next_sentence"] or [None] * len(row["sequence_lengths"])
        assert (row["next_sentence"] == []) == (objective == "none")
        start = 0
        for length, label in zip(row["sequence_lengths"], labels, strict=True):
            ids, segments, words = (row[n][start : start + length] for n in ("token_ids", "segment_ids", "word_starts"))
            start += length
            assert ids[0] == CLS
            assert ids[-1] == SEP
            separators = [i for i, token in enumerate(ids) if token == SEP]
            runs = [ids[a + 1 : b] for a, b in itertools.pairwise([0, *separators])]
            found.append((runs, label))
            if objective == "none":
                assert set(segments) == {0}
            else:
                assert segments == [0] * (separators[0] + 1) + [1] * (length - separators[0] - 1)
            assert words == [1 if token < 100 else int(tokens.begins[token - 100]) for token in ids]
    assert sorted(found) == wanted


def test_a_segment_that_begins_within_a_word_begins_one():
    tokens = numbered_tokens()
    sequences = Sequences(np.array([1, 8]), np.array([3, 9]), np.array([0, 2]), np.array([1]))
    rows = make_rows(tokens, sequences, template=TEMPLATE, max_length=32, packed=False, seed=0)
    assert not tokens.begins[1]
    assert rows.word_starts.tolist() == [1] * 6
    assert rows.token_ids.tolist() == [CLS, 101, 102, SEP, 108, SEP]


def test_no_rows():
    tokens = numbered_tokens()
    sequences = Sequences(*(np.array(values, np.int64) for values in ([], [], [0], [])))
    for packed in (False, True):
        rows = make_rows(tokens, sequences, template=TEMPLATE, max_length=32, packed=packed, seed=0)
        assert list(serialized(rows)) == []
