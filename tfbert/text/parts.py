"""Texts -> the features of their tokens, before special tokens come around them.

Shapes: B texts, T tokens of all texts together, R rows of a batch (texts, or windows of texts).
"""

from __future__ import annotations

import typing

import tensorflow as tf

from tfbert.text import inputs
from tfbert.text.algorithms.algorithm import Algorithm
from tfbert.text.offsets import CharacterTable
from tfbert.text.pieces import row_ids

# What a feature says of special tokens and padding, which lie in no text.
NOWHERE = {"byte_offsets": [0, 0], "character_offsets": [0, 0], "word_ids": -1}


class Part(typing.NamedTuple):
    """A run of tokens for each row: `features` [T, ...], of which a row takes `lengths` [R] from `begins` [R] on."""

    features: dict[str, tf.Tensor]
    begins: tf.Tensor
    lengths: tf.Tensor


class PartMaker:
    """Makes a Part of texts, whose rows are the texts, by an algorithm; `portable` as Tokenizer's."""

    def __init__(self, algorithm: Algorithm, portable: bool) -> None:
        self._algorithm, self._portable = algorithm, portable
        characters = CharacterTable()
        self._spans = characters.spans if portable else characters.spans_of_any

    def __call__(
        self,
        text: inputs.Strings | inputs.Words,
        text_pair: inputs.Strings | inputs.Words | None,
        offsets: bool,
        is_split_into_words: bool,
    ) -> list[Part]:
        """Returns one Part, or two; arguments and errors are those of a Tokenizer's call."""
        check = inputs.words if is_split_into_words else inputs.strings
        texts = [check(text, "text")]
        if text_pair is not None:
            texts.append(check(text_pair, "text_pair"))
            if not self._portable:
                texts = inputs.with_equal_rows(*texts)
        return [self.of(text, offsets)[0] for text in texts]

    def of(self, text: tf.Tensor | tf.RaggedTensor, offsets: bool) -> tuple[Part, tf.Tensor]:
        """Returns all tokens of each text as a Part, and their row splits int32 [B + 1].

        text: strings [B], or words [B, (words)], of which each is tokenized by itself.
        """
        is_split = isinstance(text, tf.RaggedTensor)
        units = text.flat_values if is_split else text
        pieces = self._algorithm(units, offsets)
        row_splits = tf.gather(pieces.row_splits, tf.cast(text.row_splits, tf.int32)) if is_split else pieces.row_splits
        features = {"token_ids": pieces.ids}
        if offsets:
            starts, ends, first, after = self._spans(units, pieces, self._algorithm.trim)
            features["byte_offsets"] = tf.stack([starts, ends], -1)
            features["character_offsets"] = tf.stack([first, after], -1)
            rows = row_ids(row_splits, tf.size(pieces.ids))
            if is_split:
                number = row_ids(pieces.row_splits, tf.size(pieces.ids))
                before = tf.gather(tf.cast(text.row_splits, tf.int32), rows)
            else:
                number = tf.cumsum(pieces.begins)
                before = tf.gather(number, tf.gather(row_splits, rows))  # of the text's first token
            features["word_ids"] = number - before
        return Part(features, row_splits[:-1], row_splits[1:] - row_splits[:-1]), row_splits
