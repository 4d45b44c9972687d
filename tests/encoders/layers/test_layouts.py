import numpy as np
import pytest
import tensorflow as tf

from tfbert.encoders.layers.derived import derived, kept_derived
from tfbert.encoders.layers.layout import Padded
from tfbert.encoders.layers.layouts import layout_of, padded_rows
from tfbert.encoders.layers.unpadded import Unpadded

MASK = np.array([[1, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0]], "int32")
VALUES = np.arange(40, dtype="float32").reshape(5, 4, 2) + 1


def test_only_tokens_are_computed_and_come_back_to_their_places():
    layout = Unpadded(MASK)
    tokens = layout.tokens(VALUES)
    np.testing.assert_array_equal(tokens, VALUES[MASK == 1])
    np.testing.assert_array_equal(layout.rows(tokens), VALUES * MASK[..., None])
    np.testing.assert_array_equal(layout.first(tokens), VALUES[:, 0] * MASK[:, :1])


def test_many_tokens_make_few_shapes():
    sizes = [len(Unpadded(np.ones((1, size), "int32")).tokens(np.zeros((1, size)))) for size in range(600)]
    assert sizes[:33] == [0] + [8] * 8 + list(range(9, 33)) and sizes[33] == 34 and sizes[513] == 544
    assert all(size <= more <= max(size * 17 / 16, 8) for size, more in enumerate(sizes))
    assert len(set(sizes[256:512])) == 17


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("length", [17, 40])
def test_what_fills_a_shape_up_is_nobodys(length, training):
    rng = np.random.default_rng(0)
    mask = (np.arange(length) < rng.integers(1, length + 1, (9, 1))).astype("int32")
    values = tf.Variable(rng.normal(size=(*mask.shape, 2)).astype("float32"))
    layout = Unpadded(mask, training=training)
    assert len(layout.tokens(values)) > mask.sum()
    with tf.GradientTape() as tape:
        rows = layout.rows(layout.attend(lambda sequences, bias: sequences * 2, layout.tokens(values)))
    np.testing.assert_array_equal(rows, values * mask[..., None] * 2)
    np.testing.assert_array_equal(
        tf.convert_to_tensor(tape.gradient(rows, values)), np.ones_like(values) * mask[..., None] * 2
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mask", [MASK, np.ones_like(MASK), np.zeros_like(MASK), MASK[:0]], ids=len)
def test_a_token_attends_to_the_tokens_of_its_sequence(mask, packed, training):
    sequence_ids = np.resize(np.int32([[0, 0, 1, 1], [3, 1, 3, 1], [0, 1, 2, 3]]), mask.shape) if packed else None
    values = VALUES[: len(mask)]
    layout = Unpadded(mask, sequence_ids, training=training)

    def sums(sequences, places, bias):  # [R, L, 2], [R, L] -> of each place the sum over those it attends to
        attends = tf.ones(tf.shape(sequences)[:2])[:, None, :] if bias is None else tf.cast(bias[:, 0] == 0, tf.float32)
        assert places.dtype == tf.int32
        return tf.broadcast_to(tf.matmul(attends, sequences), tf.shape(sequences))

    found = layout.rows(layout.attend(sums, layout.tokens(values), layout.tokens(np.zeros(mask.shape, "int32"))))
    wanted = np.zeros_like(values)
    for i, j in np.argwhere(mask):
        same = mask[i] == 1
        if packed:
            same = same & (sequence_ids[i] == sequence_ids[i, j])
        wanted[i, j] = values[i, same].sum(0)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "mask", [MASK, MASK[:0], MASK[3:4], np.ones_like(MASK), np.zeros_like(MASK), np.tri(4, dtype="int32")]
)
def test_a_bias_by_distance(mask, packed, training):
    """Of places in the row, whatever stands between two tokens."""
    sequence_ids = np.resize(np.int32([[0, 0, 1, 1], [3, 1, 3, 1], [0, 1, 2, 3]]), mask.shape) if packed else None
    unpadded, padded = Unpadded(mask, sequence_ids, training=training), Padded(mask.shape, mask, sequence_ids)

    def biases(layout):
        layout.add_bias(lambda distances: tf.cast(distances, tf.float32)[:, None])

        def sums(sequences, bias):  # [R, L, 2] -> of each place the sum of distances x values
            bias = tf.where(bias[:, 0] < -1e8, 0.0, bias[:, 0])
            return tf.matmul(tf.broadcast_to(bias, [*tf.shape(sequences)[:2], tf.shape(sequences)[1]]), sequences)

        return layout.rows(layout.attend(sums, layout.tokens(VALUES[: len(mask)])))

    np.testing.assert_array_equal(biases(unpadded), biases(padded) * mask[..., None])


def test_a_bias_by_distance_in_a_graph_that_knows_the_mask():
    """Its shapes are known beforehand, those of the branch that is not taken too."""

    @tf.function
    def lengths():
        layout = Unpadded(MASK)
        layout.add_bias(lambda distances: tf.zeros(tf.shape(distances))[:, None])
        return layout.attend(lambda x, bias: x + tf.reduce_sum(bias[:, 0], 2)[..., None] * 0, layout.tokens(VALUES))

    np.testing.assert_array_equal(lengths()[: MASK.sum()], VALUES[MASK == 1])


def test_which_layout_a_batch_gets():
    ids = tf.ones([2, 3], tf.int32)
    given = {"padded": False, "training": False}
    assert isinstance(layout_of(ids, ids, None, **given), Unpadded)
    assert isinstance(layout_of(ids, None, ids, **given), Unpadded)
    assert isinstance(layout_of(ids, None, None, **given), Padded)  # there can be no padding
    assert isinstance(layout_of(ids, ids, None, padded=True, training=False), Padded)
    with padded_rows(False):
        assert isinstance(layout_of(ids, ids, None, **given), Unpadded)
    with padded_rows():
        with padded_rows(False):  # nobody within can take it back
            assert isinstance(layout_of(ids, ids, None, **given), Padded)
    assert isinstance(layout_of(ids, ids, None, **given), Unpadded)


def test_derived_tensors_are_computed_once_where_weights_do_not_change():
    class Owner(tf.Module):
        path = "owner"

    owner, weight = Owner(), tf.Variable(2.0)

    def doubled():
        return derived(owner, "doubled", lambda: weight * 2)

    assert doubled() == 4
    with kept_derived() as kept:
        assert tf.function(doubled)() == 4
        weight.assign(5.0)
        assert doubled() == 4 and len(kept) == 1
    assert doubled() == 10
    with kept_derived(kept):
        assert doubled() == 4
