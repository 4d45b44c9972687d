"""Masking: the paper's rates over 1M tokens, units never cut, spans' lengths. B rows, S tokens, P predictions."""

import collections

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from tfbert.data.pretraining.masking import Masking
from tfbert.errors import ConfigError

CLS, SEP, MASK, VOCABULARY = 2, 3, 4, 2000
ROWS, LENGTH = 2048, 512  # 1,048,576 tokens


def random_rows(rows, length, seed=0):
    """Full rows of random words of 1 to 4 tokens between [CLS] and [SEP]."""
    random = np.random.default_rng(seed)
    tokens = random.integers(5, VOCABULARY, (rows, length)).astype(np.int32)
    tokens[:, 0], tokens[:, length // 2], tokens[:, -1] = CLS, SEP, SEP
    starts = (random.random((rows, length)) < 0.7).astype(np.int32)
    starts[tokens < 5] = 1
    return tokens, starts, np.ones_like(tokens)


def masking(units, **settings):
    settings = {"max_predictions": 80, **settings}
    return Masking(units, mask_id=MASK, special_ids=(CLS, SEP), vocab_size=VOCABULARY, **settings)


def masked(masking, rows, seed=(0, 0)):
    function = tf.function(lambda *rows: masking(*rows, seed=seed), autograph=False)
    return {name: value.numpy() for name, value in function(*map(tf.constant, rows)).items()}


def is_chosen(values, shape):
    chosen = np.zeros(shape, bool)
    rows, columns = np.nonzero(values["masked_weights"])
    chosen[rows, values["masked_positions"][rows, columns]] = True
    return chosen


def words_of(starts, tokens):
    """The number of each token's word, a special token one by itself."""
    special = tokens < 5
    begins = (starts == 1) | special | np.pad(special[:, :-1], ((0, 0), (1, 0)))
    return np.cumsum(begins, 1)


@pytest.mark.parametrize("units", ["token", "whole_word", "ngram", "span"])
def test_rates_of_the_paper_over_a_million_tokens(units):
    rows = tokens, starts, _ = random_rows(ROWS, LENGTH)
    values = masked(masking(units), rows)
    chosen = is_chosen(values, tokens.shape)
    asked = round(0.15 * LENGTH)
    counts = chosen.sum(1)
    assert counts.max() <= asked
    # Whole units rarely fill the number to the last token.
    assert counts.mean() > asked - {"token": 1e-9, "whole_word": 0.1, "ngram": 0.3, "span": 1.5}[units]
    assert not chosen[tokens < 5].any()
    new = values["token_ids"]
    assert (new[~chosen] == tokens[~chosen]).all()
    shares = [
        (new[chosen] == MASK).mean(),
        (new[chosen] == tokens[chosen]).mean(),
        ((new != MASK) & (new != tokens))[chosen].mean(),
    ]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.006 if units == "span" else 0.004)
    assert (values["masked_ids"][values["masked_weights"] > 0] == tokens[chosen]).all()
    # Each place of a row is as likely as any other: 15 % within four standard deviations.
    by_place = chosen.mean(0)[tokens[0] >= 5]
    tolerance = 4 * np.sqrt(0.15 * 0.85 / ROWS)
    inner = by_place[10 : LENGTH // 2 - 12]
    assert abs(inner - inner.mean()).max() < tolerance


def test_whole_words_are_never_cut():
    for units in ("whole_word", "ngram", "span"):
        rows = tokens, starts, _ = random_rows(256, 128, seed=1)
        chosen = is_chosen(masked(masking(units, max_predictions=20), rows), tokens.shape)
        words = words_of(starts, tokens)
        for row in range(len(tokens)):
            hit = set(words[row][chosen[row]])
            assert chosen[row].sum() == np.isin(words[row], list(hit)).sum()


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ("ngram", np.array([6, 3, 2]) / 11),
        ("span", 0.2 * 0.8 ** np.arange(10) / (0.2 * 0.8 ** np.arange(10)).sum()),
    ],
)
def test_lengths_of_runs_follow_their_distribution(units, expected):
    """The units before any is chosen; the draw does not look at their length, the end of a sentence cuts them."""
    tokens, starts, _ = random_rows(512, LENGTH, seed=2)
    special = tokens < 5
    unit = masking(units)._units(tf.constant(starts), tf.constant(special), tf.constant([3, 4])).numpy()
    words = words_of(starts, tokens)
    counts = collections.Counter()
    for row in range(len(tokens)):
        per_unit = [len(np.unique(words[row][unit[row] == i])) for i in np.unique(unit[row][1:-12])]
        counts.update(per_unit[1:])
    lengths = np.array([counts[n + 1] for n in range(len(expected))], float)
    np.testing.assert_allclose(lengths / lengths.sum(), expected, atol=0.012)


def test_a_function_of_the_seed():
    rows = random_rows(8, 64)
    one, same, other = (masked(masking("token"), rows, seed) for seed in ((1, 7), (1, 7), (1, 8)))
    assert all((one[name] == same[name]).all() for name in one)
    assert (one["token_ids"] != other["token_ids"]).any()


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(
    strategies.sampled_from(["token", "whole_word", "ngram", "span"]),
    strategies.lists(strategies.integers(1, 24), min_size=1, max_size=4),
    strategies.integers(0, 2**31 - 1),
)
def test_any_rows(units, lengths, seed):
    """Rows of any length, also of [CLS] alone: predictions are tokens of the row, filled up with weight 0."""
    tokens, starts, mask = random_rows(len(lengths), max(lengths) + 1, seed=seed)
    for row, length in enumerate(lengths):
        tokens[row, length:], mask[row, length:], starts[row, length:] = 0, 0, 0
    values = masked(masking(units, max_predictions=7), (tokens, starts, mask), (seed, 0))
    weights = values["masked_weights"]
    assert weights.shape == values["masked_positions"].shape == (len(lengths), 7)
    assert (np.diff(weights, axis=1) <= 0).all()
    for row, length in enumerate(lengths):
        positions = values["masked_positions"][row][weights[row] > 0]
        assert (np.diff(positions) > 0).all()
        assert (positions < length).all()
        assert not np.isin(tokens[row][positions], (CLS, SEP)).any()
        usable = (tokens[row][:length] > 4).sum()
        if units == "token":
            assert len(positions) == min(7, max(1, np.round(0.15 * length)), usable)


def test_settings_are_checked():
    for settings in ({"units": "word"}, {"rate": 0}, {"rate": 1.5}, {"max_predictions": 0}):
        with pytest.raises(ConfigError):
            Masking(**settings)
