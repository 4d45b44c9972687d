import numpy as np
import pytest
import tensorflow as tf

from tfbert.data.batching.batches import Batches
from tfbert.data.batching.order import WINDOW, batches_of_epoch


def features(columns):
    """A stand-in for a task: one token per byte."""
    ids = tf.strings.unicode_decode(columns["text"], "UTF-8").to_tensor()
    return {"token_ids": ids, "padding_mask": tf.cast(ids > 0, tf.int32)}


def batches_of(count=1000, **kwargs):
    random = np.random.default_rng(3)
    texts = ["x" * int(n) for n in random.integers(1, 60, count)]
    examples = {"text": texts, "label": np.arange(count, dtype=np.int32)}
    return Batches(examples, features, lambda columns, features: columns["label"], **{"batch_size": 8, **kwargs})


def test_every_row_once_an_epoch_and_one_small_batch():
    lengths = np.random.default_rng(0).integers(1, 100, 1003)
    for shuffle in (True, False):
        plan = batches_of_epoch(lengths, 8, seed=1, epoch=2, shuffle=shuffle)
        assert sorted(np.concatenate(plan)) == list(range(1003))
        assert sorted(len(batch) for batch in plan) == [3] + [8] * 125


def test_order_is_a_function_of_seed_and_epoch():
    lengths = np.random.default_rng(0).integers(1, 100, 1000)

    def order(**kwargs):
        return np.concatenate(batches_of_epoch(lengths, 8, **kwargs)).tolist()

    assert order(seed=1, epoch=2) == order(seed=1, epoch=2)
    assert order(seed=1, epoch=2) != order(seed=1, epoch=3)
    assert order(seed=1, epoch=2) != order(seed=2, epoch=2)


def test_batches_of_like_length_pad_little():
    lengths = np.random.default_rng(0).integers(1, 100, 8 * WINDOW * 10)
    plan = batches_of_epoch(lengths, 8, seed=0)
    padded = sum(len(batch) * lengths[batch].max() for batch in plan)
    assert padded < 1.05 * lengths.sum()
    assert np.std([lengths[batch].mean() for batch in plan[:40]]) > 10  # not sorted over the epoch


def test_examples_and_lengths_arrive_together():
    batches = batches_of()
    assert batches.lengths.tolist() == [len(text) for text in batches.examples["text"]]
    seen = []
    for _, x, y in batches.once():
        assert x["padding_mask"].numpy().sum(1).tolist() == batches.lengths[y.numpy()].tolist()
        seen += y.numpy().tolist()
    assert sorted(seen) == list(range(1000))


def test_repeated_starts_anywhere():
    batches = batches_of(100)
    whole = [y.numpy().tolist() for _, y in batches.repeated().take(30)]
    rest = [y.numpy().tolist() for _, y in batches.repeated(17).take(13)]
    assert rest == whole[17:]
    assert sorted(sum(whole[:13], [])) == sorted(sum(whole[13:26], [])) == list(range(100))
    rows, tokens = batches.rows_and_tokens(17)
    assert (rows, tokens) == (len(whole[17]), batches.lengths[whole[17]].sum())


def test_without_shuffle_longest_first():
    batches = batches_of(100, shuffle=False)
    lengths = batches.lengths[np.concatenate(batches.plan(0))]
    assert (np.diff(lengths) <= 0).all()


def test_no_rows_and_bad_batch_size():
    assert batches_of(0).steps_per_epoch == 0
    with pytest.raises(ValueError, match="batch_size must be positive"):
        batches_of(3, batch_size=0)


def test_rows_of_padding_have_no_weight():
    weights = np.arange(1, 12, dtype=np.float32)
    batches = batches_of(11, shuffle=False, static_length=64, sample_weight=weights)
    for rows, (_, found, _) in zip(batches.plan(0), batches.once(), strict=True):
        wanted = [*weights[rows], *[0] * (8 - len(rows))]
        np.testing.assert_array_equal(found["sample_weight"], wanted)
