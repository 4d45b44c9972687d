"""Texts of ids equal those of `tokenizers`' WordPiece decoder."""

import random

import numpy as np
import pytest
import tensorflow as tf

TEXTS = ["Hello, the unaffable film's PLAYING!", "don't; we've they're I'm do not . ? ' x", "", "北京 [MASK] x"]


@pytest.mark.parametrize("skip", [True, False])
def test_equals_the_reference(data_dir, real_vocabulary, tokenizers_of, skip):
    ours, theirs = tokenizers_of(real_vocabulary("bert-base-uncased"))
    source = random.Random(0)
    rows = [encoding.ids for encoding in theirs.encode_batch(TEXTS)]
    rows += [[source.randrange(len(ours.vocabulary)) for _ in range(source.randrange(30))] for _ in range(2_000)]
    rows += [[number] for number in range(len(ours.vocabulary))]
    got = ours.detokenize(tf.ragged.constant(rows, tf.int32), skip_special_tokens=skip)
    expected = theirs.decode_batch(rows, skip_special_tokens=skip)
    assert [text.decode() for text in got.numpy()] == expected


def test_without_clean_up(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    ids = ours(["The film, unaffable!"])["token_ids"]
    assert ours.detokenize(ids).numpy().tolist() == [b"the film, unaffable!"]
    assert ours.detokenize(ids, clean_up=False).numpy().tolist() == [b"the film , unaffable !"]
    assert ours.detokenize(ids, skip_special_tokens=False).numpy().tolist() == [b"[CLS] the film, unaffable! [SEP]"]


def test_dense_and_empty_batches_and_tf_data(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    texts = ["the film", "", "hello"]
    expected = [b"the film", b"", b"hello"]
    batch = ours(texts)["token_ids"]
    for ids in (batch, batch.numpy(), tf.cast(batch, tf.int64), batch.numpy().tolist()):
        assert ours.detokenize(ids).numpy().tolist() == expected
    assert ours.detokenize(np.zeros((0, 4), int)).numpy().tolist() == []
    data = tf.data.Dataset.from_tensors(batch).map(ours.detokenize)
    assert next(iter(data)).numpy().tolist() == expected


@pytest.mark.parametrize("number", [-1, 70, 10**6])
def test_ids_out_of_range(small_vocabulary, tokenizers_of, number):
    ours = tokenizers_of(small_vocabulary)[0]
    last = len(small_vocabulary) - 1
    with pytest.raises(ValueError, match=rf"id {number} is not one of the vocabulary's, 0 to {last}"):
        ours.detokenize([[2, number]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=str(number)):
        tf.function(ours.detokenize)(tf.constant([[2, number]]))


def test_wrong_input(small_vocabulary, tokenizers_of):
    ours = tokenizers_of(small_vocabulary)[0]
    with pytest.raises(ValueError, match=r"shape \(2,\); expected \[B, S\]"):
        ours.detokenize([2, 3])
    with pytest.raises(TypeError, match="float32"):
        ours.detokenize([[2.0]])
