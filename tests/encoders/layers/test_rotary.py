import numpy as np
import pytest

from tfbert.encoders.layers import SelfAttention
from tfbert.encoders.layers.gated import GatedFeedForward
from tfbert.encoders.layers.layout import Padded
from tfbert.encoders.layers.masking import MASKED
from tfbert.encoders.layers.rotary import frequencies, near, rotaries, rotated


def test_a_product_of_turned_vectors_knows_their_distance_alone():
    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(2, 8)).astype("float32")
    places = np.arange(0, 8000, 1000)
    turns = rotaries(np.concatenate([places, places + 5]), 8, [10_000.0])[10_000.0]
    vectors = np.concatenate([np.tile(query, (8, 1)), np.tile(key, (8, 1))])
    turned = np.asarray(rotated(vectors, turns, 8))
    products = (turned[:8] * turned[8:]).sum(-1)
    np.testing.assert_allclose(products, products[0], atol=1e-2)  # an angle of 8,000 has three digits after the point
    assert abs(products[0] - query @ key) > 0.1
    np.testing.assert_allclose(turned[0], query, atol=1e-6)


def test_frequencies_are_those_of_float32():
    found = frequencies(64, 160_000.0)
    np.testing.assert_allclose(found, 160_000.0 ** (-np.arange(32) / 32), rtol=1e-6)
    assert found.dtype == np.float32


def test_near():
    places = np.array([[0, 1, 2, 0, 1]])
    wanted = np.where(np.abs(places[0][:, None] - places[0]) > 1, MASKED, 0)
    np.testing.assert_array_equal(near(places, 1)[0, 0], wanted)
    bias = np.float32([0, 0, 0, MASKED, MASKED])
    np.testing.assert_array_equal(near(places, 1, bias)[0, 0], wanted + bias)


def test_attention_with_rotary_positions_needs_their_turns():
    with pytest.raises(ValueError, match="give a theta"):
        SelfAttention(4, 2, reach=1)
    layer = SelfAttention(4, 2, theta=10_000.0, reach=1)
    with pytest.raises(ValueError, match="needs `rotary`"):
        layer(np.ones((1, 3, 4), "float32"), np.ones((1, 3)))
    hidden = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    turns = rotaries(np.arange(3), 2, [10_000.0])
    _, probs = layer(hidden, layout=Padded((1, 3)), rotary=turns, return_probs=True)
    assert np.asarray(probs)[0, :, 0, 2].max() == 0 and np.asarray(probs)[0, :, 0, :2].min() > 0


def test_gated():
    layer = GatedFeedForward(4, 6, hidden_act="silu", use_bias=True)
    hidden = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    layer(hidden)
    for i, variable in enumerate(layer.weights):
        variable.assign(np.random.default_rng(i).normal(size=variable.shape))

    def dense(part, x):
        return x @ np.asarray(part.kernel) + np.asarray(part.bias)

    inner = dense(layer.intermediate, hidden)
    wanted = dense(layer.output_dense, inner / (1 + np.exp(-inner)) * dense(layer.gate, hidden))
    np.testing.assert_allclose(layer(hidden), wanted, atol=1e-4)
    again = GatedFeedForward.from_config(layer.get_config())
    assert again.use_bias and again.hidden_act == "silu"
