"""Truncation, special tokens, segments and padding equal those of Hugging Face's `tokenizers`."""

import pytest
import tensorflow as tf

from tfbert.text.parts import Part
from tfbert.text.template import Template
from tfbert.text.truncation import truncated_lengths

LENGTHS = range(12)


@pytest.mark.parametrize("max_length", range(3, 21))
def test_singles_and_pairs(small_vocabulary, tokenizers_of, max_length):
    ours, theirs = tokenizers_of(small_vocabulary)
    first = ["the " * a for a in LENGTHS for _ in LENGTHS]
    second = ["film " * b for _ in LENGTHS for b in LENGTHS]
    theirs.enable_truncation(max_length)
    theirs.enable_padding(pad_id=small_vocabulary["[PAD]"])
    try:
        singles, pairs = (
            theirs.encode_batch(first),
            theirs.encode_batch(list(zip(first, second, strict=True))),
        )
    finally:
        theirs.no_truncation()
        theirs.no_padding()
    for batch, expected in [
        (ours(first, max_length=max_length), singles),
        (ours(first, second, max_length=max_length), pairs),
    ]:
        assert batch["token_ids"].numpy().tolist() == [encoding.ids for encoding in expected]
        assert batch["segment_ids"].numpy().tolist() == [encoding.type_ids for encoding in expected]
        assert batch["padding_mask"].numpy().tolist() == [encoding.attention_mask for encoding in expected]


@pytest.mark.parametrize("truncation", ["only_first", "only_second"])
def test_only_one_text_is_cut(small_vocabulary, tokenizers_of, truncation):
    ours, theirs = tokenizers_of(small_vocabulary)
    pairs, expected, impossible = [], [], []
    theirs.enable_truncation(8, strategy=truncation)
    for pair in [("the " * a, "film " * b) for a in LENGTHS for b in LENGTHS]:
        try:
            ids = theirs.encode(*pair).ids
        except Exception:  # `tokenizers` raises a bare one where the other text alone is too long
            impossible.append(pair)
        else:
            pairs.append(pair)
            expected.append(ids)
    theirs.no_truncation()
    batch = ours(*map(list, zip(*pairs, strict=True)), max_length=8, truncation=truncation)
    rows = tf.ragged.boolean_mask(batch["token_ids"], batch["padding_mask"] == 1)
    assert rows.to_list() == expected
    for pair in impossible[::4]:
        with pytest.raises(tf.errors.InvalidArgumentError, match="fills max_length"):
            ours([pair[0], "the"], [pair[1], "the"], max_length=8, truncation=truncation)


def test_no_row_exceeds_its_room():
    first, second = (tf.reshape(x, [-1]) for x in tf.meshgrid(tf.range(40), tf.range(40)))
    for room in range(41):
        kept_first, kept_second = truncated_lengths(first, second, room, "longest_first")
        assert tf.reduce_all(kept_first + kept_second == tf.minimum(first + second, room))
        assert tf.reduce_all((kept_first <= first) & (kept_second <= second) & (kept_first >= 0))


def test_an_empty_batch():
    none = tf.constant([], tf.int32)
    part = Part({"token_ids": none}, begins=none, lengths=none)
    for parts in ([part], [part, part]):
        batch = Template((2,), (3,), (3,)).assemble(parts, padding_id=0)
        assert {name: (x.shape.as_list(), x.dtype) for name, x in batch.items()} == {
            name: ([0, 1], tf.int32) for name in ("token_ids", "segment_ids", "padding_mask")
        }


def test_no_room_for_the_special_tokens(small_vocabulary, tokenizers_of):
    ours, _ = tokenizers_of(small_vocabulary)
    with pytest.raises(ValueError, match="max_length=1 leaves no room for the 2 special tokens"):
        ours(["the"], max_length=1)
    with pytest.raises(ValueError, match="max_length=2 leaves no room for the 3 special tokens"):
        ours(["the"], ["film"], max_length=2)
