"""Pooling of a sentence's token vectors."""

import keras
import numpy as np
import pytest

from tfbert.encoders.layers.pooling import POOLINGS, SentencePooling

TOKENS = np.array([[[3.0, 4.0, 1.0], [1.0, 0.0, -5.0], [9.0, 9.0, 9.0]], [[-1.0, -2.0, -3.0]] * 3], "float32")
MASK = np.array([[1, 1, 0], [1, 1, 1]])


@pytest.mark.parametrize(
    ("pooling", "wanted"),
    [("mean", [[2, 2, -2], [-1, -2, -3]]), ("cls", [[3, 4, 1], [-1, -2, -3]]), ("max", [[3, 4, 1], [-1, -2, -3]])],
)
def test_poolings_leave_padding_out(pooling, wanted):
    np.testing.assert_allclose(SentencePooling(pooling, normalize=False)(TOKENS, MASK), wanted, rtol=1e-6)
    shorter = np.array(wanted, "float32")[:, :2]
    shorter /= np.linalg.norm(shorter, axis=1, keepdims=True)
    np.testing.assert_allclose(SentencePooling(pooling, dimensions=2)(TOKENS, MASK), shorter, rtol=1e-6)


def test_nothing_has_no_length():
    zeros = SentencePooling()(np.zeros((1, 2, 3), "float32"), np.zeros((1, 2)))
    np.testing.assert_array_equal(zeros, np.zeros((1, 3)))


def test_keras_knows_it():
    layer = SentencePooling("max", dimensions=2, normalize=False)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.pooling, again.dimensions, again.normalize) == ("max", 2, False)
    assert layer(keras.Input((None, 3)), keras.Input((None,))).shape == (None, 2)
    with pytest.raises(ValueError, match="pooling 'sum'"):
        SentencePooling("sum")


@pytest.mark.parametrize("skipped", [0, 1, 2, 5])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_with_a_prompt_that_is_left_out(pooling, skipped):
    tokens = np.random.default_rng(0).normal(0, 1, (4, 6, 3)).astype("float32")
    lengths = [6, 4, 3, 2]
    found = SentencePooling(pooling, skipped=skipped, normalize=False)(
        tokens, np.arange(6) < np.array(lengths)[:, None]
    )
    for row, (vectors, length) in enumerate(zip(tokens, lengths, strict=True)):
        kept, places = vectors[skipped:length], np.arange(skipped, length) + 1.0
        if len(kept):
            wanted = {
                "mean": kept.mean(0),
                "cls": kept[0],
                "max": kept.max(0),
                "mean_sqrt_len_tokens": kept.sum(0) / np.sqrt(len(kept)),
                "weightedmean": places @ kept / places.sum(),
                "lasttoken": kept[-1],
            }
            np.testing.assert_allclose(found[row], wanted[pooling], atol=1e-6)
        elif pooling == "cls":  # as sentence-transformers, where a prompt fills a text
            np.testing.assert_allclose(found[row], vectors[0], atol=1e-6)
        elif pooling != "max":
            np.testing.assert_array_equal(found[row], np.zeros(3))
