"""Masking of rows of tokens, in graph operations. B rows, S tokens of a row, P predictions of a row, V vocabulary.

A row is cut into units: tokens, words, or runs of words. All tokens of a unit are masked, or none. Units are taken in
random order as long as they fit into the number of predictions of the row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import tensorflow as tf

from tfbert.data.pretraining.examples.settings import MASK_UNITS
from tfbert.errors import ConfigError

if TYPE_CHECKING:
    from tfbert.text.tokenizer import Tokenizer

_LONGEST = {"ngram": 3, "span": 10}
_SPAN_END = 0.2  # p of the geometric distribution of a span's length


@dataclasses.dataclass(frozen=True)
class Masking:
    """Chooses the tokens to predict, and replaces 80 % of them by the mask and 10 % by random tokens, or other shares.

    Sources: google-research/bert, create_pretraining_data.py ("token", "whole_word": the rule of the whole word
    masking checkpoints); Lan et al. 2019, section 3.1 ("ngram": up to `longest` = 3 words, n words with a probability
    proportional to 1 / n); Joshi et al. 2019, section 3.1 ("span": the number of words is geometric with p = 0.2, at
    most `longest` = 10; the 80/10/10 are drawn once for a span).

    Args:
        units: "token", "whole_word", "ngram" or "span".
        rate: the share of a row's tokens that are predicted; at least one token is.
        max_predictions: P, the most predictions of a row.
        mask_id: the mask's id.
        special_ids: the ids of tokens that are never chosen.
        vocab_size: V.
        longest: the most words of a unit; 0 for 3 ("ngram") or 10 ("span").
        share_mask, share_kept: of the chosen tokens, those that the mask replaces and those that stay as they are; the
            rest become random tokens.

    >>> masking = Masking("token", mask_id=103, special_ids=(101, 102), vocab_size=30522, max_predictions=20)
    >>> token_ids = tf.constant([[101, 7592, 2088, 102]])
    >>> masked = masking(token_ids, tf.ones_like(token_ids), tf.ones_like(token_ids), seed=(0, 1))
    >>> masked["masked_weights"].numpy().sum()  # one token to predict
    np.float32(1.0)
    """

    units: str = "token"
    rate: float = 0.15
    max_predictions: int = 20
    mask_id: int = 103
    special_ids: tuple[int, ...] = (101, 102)
    vocab_size: int = 30522
    longest: int = 0
    share_mask: float = 0.8
    share_kept: float = 0.1

    def __post_init__(self) -> None:
        if self.units not in MASK_UNITS:
            raise ConfigError(f"masking units {self.units!r} are not one of {', '.join(MASK_UNITS)}")
        if not 0 < self.rate < 1:
            raise ConfigError(f"the masking rate is a share between 0 and 1, not {self.rate}")
        if self.max_predictions < 1 or self.longest < 0:
            raise ConfigError("max_predictions must be positive, and longest not negative")
        if min(self.share_mask, self.share_kept) < 0 or self.share_mask + self.share_kept > 1:
            raise ConfigError(
                f"share_mask {self.share_mask} and share_kept {self.share_kept} are no shares of one whole"
            )

    @classmethod
    def of_tokenizer(cls, tokenizer: Tokenizer, **settings: Any) -> Self:
        """A masking with the ids of a tokenizer.

        Raises:
            VocabularyError: the vocabulary has no mask.

        >>> Masking.of_tokenizer(tokenizer, units="whole_word").mask_id == tokenizer.mask_id
        True
        """
        settings = {"mask_id": tokenizer.mask_id, "special_ids": tokenizer.special_ids, **settings}
        return cls(vocab_size=len(tokenizer.vocabulary), **settings)

    def __call__(
        self, token_ids: tf.Tensor, word_starts: tf.Tensor, padding_mask: tf.Tensor, *, seed: Sequence[Any] | tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """One masking of rows, a function of `seed` alone.

        Args:
            token_ids, word_starts (1 where a word begins), padding_mask: int32 [B, S].
            seed: int [2].

        Returns:
            dict of token_ids int32 [B, S], masked_positions and masked_ids int32 [B, P] in the order of the row, and
            masked_weights float32 [B, P]: 1 for a prediction, 0 for what fills a row up.
        """
        seeds = tf.random.split(tf.cast(tf.stack(seed), tf.int32), 4)
        special = tf.reduce_any(token_ids[..., None] == tf.constant(self.special_ids), -1) | (padding_mask == 0)
        unit = self._units(word_starts, special, seeds[0])  # [B, S]
        # The original counts the special tokens, too.
        most = tf.cast(tf.round(self.rate * tf.cast(tf.reduce_sum(padding_mask, 1), tf.float32)), tf.int32)
        chosen = _chosen(unit, special, tf.clip_by_value(most, 1, self.max_predictions), seeds[1])
        positions, weights = _first_true(chosen, self.max_predictions)
        return {
            "token_ids": self._replaced(token_ids, unit, chosen, seeds[2], seeds[3]),
            "masked_positions": positions,
            "masked_ids": tf.gather(token_ids, positions, batch_dims=1) * tf.cast(weights, tf.int32),
            "masked_weights": weights,
        }

    def _units(self, word_starts: tf.Tensor, special: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The number of each token's unit in its row, int32 [B, S], ascending; a special token is a unit of its own."""
        after_special = tf.pad(special[:, :-1], [[0, 0], [1, 0]])
        begins = special | after_special | (True if self.units == "token" else word_starts == 1)
        word = tf.cumsum(tf.cast(begins, tf.int32), axis=1) - 1
        if self.units in ("token", "whole_word"):
            return tf.maximum(word, 0)
        shape = tf.shape(word)
        uniform = tf.random.stateless_uniform(shape, seed)
        cumulated = tf.constant(_cumulated(self.units, self.longest))
        lengths = 1 + tf.searchsorted(cumulated, tf.reshape(uniform, [-1]), side="right")
        ends = tf.cumsum(tf.reshape(lengths, shape), axis=1)
        run = tf.searchsorted(ends, tf.maximum(word, 0), side="right")
        new_run = tf.pad(run[:, 1:] != run[:, :-1], [[0, 0], [1, 0]])
        return tf.cumsum(tf.cast(new_run | special | after_special, tf.int32), axis=1)

    def _replaced(
        self, token_ids: tf.Tensor, unit: tf.Tensor, chosen: tf.Tensor, seed: tf.Tensor, seed_of_tokens: tf.Tensor
    ) -> tf.Tensor:
        shape = tf.shape(token_ids)
        uniform = tf.random.stateless_uniform(shape, seed)
        if self.units == "span":
            uniform = tf.gather(uniform, tf.minimum(unit, shape[1] - 1), batch_dims=1)
        other = tf.random.stateless_uniform(shape, seed_of_tokens, 0, self.vocab_size, tf.int32)
        other = tf.where(uniform < self.share_mask + self.share_kept, token_ids, other)
        return tf.where(chosen, tf.where(uniform < self.share_mask, self.mask_id, other), token_ids)


def _chosen(unit: tf.Tensor, special: tf.Tensor, most: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The tokens of the units that are taken in random order, as long as `most` [B] tokens of a row are not exceeded:
    bool [B, S]."""
    shape = tf.shape(unit)
    units = shape[1] + 1
    row = tf.range(shape[0])[:, None]
    tokens = tf.where(special, 0, 1)
    sizes = tf.math.unsorted_segment_sum(tokens, row * units + unit, shape[0] * units)
    sizes = tf.reshape(sizes, [shape[0], units])
    order = tf.argsort(tf.random.stateless_uniform(tf.shape(sizes), seed), axis=1)
    sizes = tf.gather(sizes, order, batch_dims=1)

    # In each pass, units are taken up to the first one that does not fit any more; that one does not fit later either.
    def fitting(taken: tf.Tensor, left: tf.Tensor) -> tf.Tensor:
        return ~taken & (sizes > 0) & (sizes <= left[:, None])

    def take(taken: tf.Tensor, left: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        fits = fitting(taken, left)
        taken_now = fits & (tf.cumsum(tf.where(fits, sizes, 0), axis=1) <= left[:, None])
        return taken | taken_now, left - tf.reduce_sum(tf.where(taken_now, sizes, 0), axis=1)

    taken, _ = tf.while_loop(
        lambda taken, left: tf.reduce_any(fitting(taken, left)), take, (tf.zeros_like(sizes, tf.bool), most)
    )
    back = tf.argsort(order, axis=1)
    return tf.gather(tf.gather(taken, back, batch_dims=1), unit, batch_dims=1) & ~special


def _first_true(chosen: tf.Tensor, most: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The places of the first `most` true values of each row, int32 [B, most], filled up with 0; and 1 for each place,
    0 for what fills up, float32 [B, most]."""
    chosen = tf.pad(chosen, [[0, 0], [0, tf.maximum(0, most - tf.shape(chosen)[1])]])
    places = tf.argsort(tf.cast(~chosen, tf.int32), axis=1, stable=True)[:, :most]
    weights = tf.gather(chosen, places, batch_dims=1)
    places, weights = (tf.ensure_shape(tensor, [None, most]) for tensor in (places, weights))
    return tf.where(weights, places, 0), tf.cast(weights, tf.float32)


def _cumulated(units: str, longest: int) -> np.ndarray:
    """The cumulated probabilities of 1, 2, … words, without the last one, which is 1."""
    numbers = np.arange(1, (longest or _LONGEST[units]) + 1)
    weights = 1.0 / numbers if units == "ngram" else _SPAN_END * (1 - _SPAN_END) ** (numbers - 1)
    return np.cumsum(weights / weights.sum())[:-1].astype(np.float32)
