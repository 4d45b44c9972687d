"""A chain of tags with trained transitions against all rows of tags, one by one."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfbert.tasks.token_classification.decoding import bio_constraint, tags_of_words
from tfbert.tasks.token_classification.loss import TagChainLoss
from tfbert.tasks.token_classification.transitions import TagTransitions

TAGS = ("O", "B-x", "I-x", "B-y", "I-y")
CONSTRAINT = bio_constraint(TAGS).astype(np.float64)


def outputs_of(logits, transitions):
    return {"logits": logits.astype(np.float32), "transitions": transitions.astype(np.float32)}


def rows_with_scores(logits, transitions, first):
    """Every row of tags that BIO allows, and its score; `first`: of its first tag."""
    for tags in itertools.product(range(5), repeat=len(logits)):
        score = first[tags[0]] + sum(transitions[pair] + CONSTRAINT[pair] for pair in itertools.pairwise(tags))
        if score > -1e8:
            yield tags, score + sum(logits[place, tag] for place, tag in enumerate(tags))


def test_loss_is_the_share_of_all_rows_of_tags():
    random = np.random.default_rng(0)
    logits, transitions = random.normal(size=(3, 6, 5)), random.normal(size=(5, 5))
    target = np.array(
        [[-100, 1, 2, -100, 0, -100], [-100, 4, -100, -100, -100, -100], [-100] * 6]  # a window may begin inside
    )
    wanted = 0.0
    for window, tags in zip(logits, target, strict=True):
        if (is_word := tags >= 0).any():
            scores = dict(rows_with_scores(window[is_word], transitions, np.zeros(5)))
            wanted += np.logaddexp.reduce(list(scores.values())) - scores[tuple(tags[is_word])]
    loss = TagChainLoss(TAGS)
    outputs = outputs_of(logits, transitions)
    assert float(loss(target, outputs)) == pytest.approx(wanted / 4, rel=1e-5)
    assert float(loss(target[2:], {**outputs, "logits": outputs["logits"][2:]})) == 0.0  # no word
    compiled = tf.function(lambda: loss(target, tf.nest.map_structure(tf.constant, outputs)), jit_compile=True)
    assert float(compiled()) == pytest.approx(wanted / 4, rel=1e-5)
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(copy(target, outputs)) == pytest.approx(wanted / 4, rel=1e-5)


def test_tags_and_probabilities_are_those_of_all_rows():
    random = np.random.default_rng(1)
    transitions = random.normal(size=(5, 5)) * 2
    lengths = [4, 1, 0, 5]
    logits = random.normal(size=(sum(lengths), 5))
    row = np.repeat(range(4), lengths).astype(np.int32)
    tags, probabilities = tags_of_words(
        tf.constant(logits, tf.float32), row, 4, TAGS, tf.constant(transitions, tf.float32)
    )
    for number, length in enumerate(lengths):
        if not length:
            continue
        words = logits[row == number]
        scores = dict(
            rows_with_scores(words - np.logaddexp.reduce(words, 1, keepdims=True), transitions, CONSTRAINT[0])
        )
        best = max(scores, key=scores.get)
        assert tags.numpy()[row == number].tolist() == list(best)
        total = np.logaddexp.reduce(list(scores.values()))
        for place, tag in enumerate(best):
            likely = np.exp(np.logaddexp.reduce([s for row, s in scores.items() if row[place] == tag]) - total)
            assert float(probabilities[row == number][place]) == pytest.approx(likely, abs=1e-5)


def test_a_long_text_keeps_its_digits():
    """5,000 words of one kind: their probabilities do not drift."""
    logits = tf.tile(tf.constant([[1.0, 0.5, 0.0, 0.0, 0.0]]), [5_000, 1])
    transitions = tf.constant(np.eye(5, dtype=np.float32))
    answer = tf.function(lambda: tags_of_words(logits, tf.zeros(5_000, tf.int32), 1, TAGS, transitions))
    tags, probabilities = answer()
    inside = probabilities.numpy()[100:-100]
    assert set(tags.numpy()) == {0} and inside.max() - inside.min() < 1e-5


def test_layer_learns_faster_than_its_rate_and_round_trips():
    layer = TagTransitions()
    assert layer(tf.ones([2, 7, 5])).shape == (5, 5)
    layer.transitions.assign(tf.fill([5, 5], 0.02))
    np.testing.assert_allclose(layer(tf.ones([2, 1, 5])), 2.0)
    np.testing.assert_allclose(layer.scores(), 2.0)
    assert layer.compute_output_shape((None, None, 5)) == (5, 5)
    assert TagTransitions.from_config(layer.get_config()).name == layer.name
