"""Texts that come as lists of words, as `tokenizers` takes pre-tokenized input."""

import numpy as np
import pytest
import tensorflow as tf
from test_equality import PARTS, assert_same_batch

ROWS = [
    ["The", "unaffable", "films", "!"],
    [],
    ["", "\u200d", "[MASK]", "x[SEP]y", "two words", "北京", "x" * 101, "Café's"],
    PARTS,
    ["the"] * 30,
]


@pytest.mark.parametrize("lower_case", [True, False])
def test_singles_and_pairs(small_vocabulary, tokenizers_of, lower_case):
    ours, theirs = tokenizers_of(small_vocabulary, lower_case)
    others = ROWS[::-1]
    theirs.enable_truncation(20)
    theirs.enable_padding(pad_id=0)
    try:
        singles = theirs.encode_batch(ROWS, is_pretokenized=True)
        pairs = theirs.encode_batch(list(zip(ROWS, others, strict=True)), is_pretokenized=True)
    finally:
        theirs.no_truncation()
        theirs.no_padding()
    assert_same_batch(ours(ROWS, max_length=20, offsets=True, is_split_into_words=True), singles)
    assert_same_batch(ours(ROWS, others, max_length=20, offsets=True, is_split_into_words=True), pairs)


def test_word_ids_count_the_words_given(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    batch = ours([["unaffable", "", "film's"]], offsets=True, is_split_into_words=True)
    assert batch["word_ids"].numpy().tolist() == [[-1, 0, 0, 0, 2, 2, 2, -1]]
    assert batch["byte_offsets"].numpy()[0, 4:7].tolist() == [[0, 4], [4, 5], [5, 6]]


def test_kinds_of_input(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    expected = ours([["the", "film"], ["a", "film"]], is_split_into_words=True)["token_ids"].numpy()
    for words in (
        tf.ragged.constant([["the", "film"], ["a", "film"]]),
        tf.constant([["the", "film"], ["a", "film"]]),
        np.array([["the", "film"], ["a", "film"]]),
        (("the", "film"), ("a", "film")),
    ):
        assert np.array_equal(ours(words, is_split_into_words=True)["token_ids"], expected)
    assert ours([], is_split_into_words=True)["token_ids"].shape == (0, 1)


def test_windows(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    got = ours.windows([["the"] * 10], max_length=8, stride=2, offsets=True, is_split_into_words=True)
    assert got["word_ids"].numpy().tolist() == [[-1, 0, 1, 2, 3, 4, 5, -1], [-1, 4, 5, 6, 7, 8, 9, -1]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["the film"], r"text, row 0 is 'the film'; expected a list of words"),
        ([["the"], None], r"text, row 1 is None"),
        ([["the", 3]], r"text is not a list of strings"),
        (tf.constant(["the"]), r"text is string of shape \(1,\)"),
        (tf.ragged.constant([[1]]), r"text is a RaggedTensor of int32"),
    ],
)
def test_wrong_input(small_vocabulary, tokenizers_of, wrong, message):
    with pytest.raises(TypeError, match=message):
        tokenizers_of(small_vocabulary)[0](wrong, is_split_into_words=True)
