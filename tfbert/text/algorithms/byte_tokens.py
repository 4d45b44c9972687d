"""Words of bytes -> tokens: each at once where it is a token, else by merging.

Shapes: B texts, P pieces of the model of words, W words and T tokens of all texts together, M words to be merged, U
different ones of them, N their tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from tfbert.text.algorithms.byte_bpe_model import made_tokens, merge_model, word_model
from tfbert.text.algorithms.sentencepiece_op import FastSentencePieceOp, SentencePieceOp
from tfbert.text.pieces import row_ids, scattered
from tfbert.text.vocabulary import Vocabulary


class Tokens(NamedTuple):
    """The tokens of B texts. begins: 1 for a word's first token; None where it was not asked for."""

    ids: tf.Tensor  # int32 [T]
    row_splits: tf.Tensor  # int32 [B + 1]
    begins: tf.Tensor | None  # int32 [T]


class ByteTokens:
    """Texts with a mark before each word -> tokens.

    Most words of most texts are tokens, which tensorflow_text's fast operation finds; the operation that merges is
    several times slower, and is given each of the other words once.

    Args:
        vocabulary, unknown_id, runs: as `merge_model` and `word_model` have them.

    Raises VocabularyError: the vocabulary cannot spell every text.
    """

    def __init__(self, vocabulary: Vocabulary, unknown_id: int | None, runs: Mapping[int, int]) -> None:
        import tensorflow_text

        made = made_tokens(vocabulary)
        merges, words = merge_model(vocabulary, made, unknown_id), word_model(vocabulary, made, runs)
        self._ids, self._mark, self._word_ids, self._word_sizes = merges.ids, words.mark, words.ids, words.sizes
        self._merge, self._find = SentencePieceOp(merges.data), FastSentencePieceOp(words.data)
        self._bytes = tensorflow_text.ByteSplitter()

    def __call__(self, marked: tf.Tensor, begins: bool) -> Tokens:
        """Returns the tokens of `marked`, strings [B]; with `begins`, also which of them begin words."""
        pieces, splits = self._find.tokenize(marked)
        at = tf.where(pieces >= self._mark)[:, 0]  # [W]
        word = tf.gather(pieces, at) - self._mark
        at = tf.cast(at, tf.int32)
        whole = tf.gather(self._word_ids, word)  # [W], -1 for a mark alone
        broken = tf.where(_following(at, tf.size(pieces)) - at > 1)[:, 0]  # [M]
        bytes_of_marked = tf.cumsum(tf.gather(self._word_sizes, word), exclusive=True)
        starts = bytes_of_marked + at - tf.range(tf.size(at))  # [W], in all texts; other pieces are of one byte
        words, which = tf.unique(self._cut(marked, starts, broken, tf.searchsorted(tf.gather(at, broken), splits)))
        made, made_splits = self._merge.tokenize(words)  # [N], [U + 1]

        # A ragged tensor of the tokens of each word that was merged, an empty row, and each word's own token.
        values = tf.concat([tf.gather(self._ids, made), whole], 0)
        end = made_splits[-1]
        row_splits = tf.concat([made_splits, tf.range(end, end + tf.size(whole) + 1)], 0)
        empty = tf.size(words)
        row = tf.where(whole >= 0, empty + 1 + tf.range(tf.size(whole)), empty)
        row = tf.tensor_scatter_nd_update(row, broken[:, None], which)
        tokens = tf.gather(tf.RaggedTensor.from_row_splits(values, row_splits, validate=False), row)
        ids, word_splits = tokens.values, tokens.row_splits
        first = None
        if begins:  # a mark alone has no token, and begins where the next word does
            first = tf.minimum(scattered(word_splits[:-1], tf.ones_like(at), tf.size(ids)), 1)
        return Tokens(ids, tf.gather(word_splits, tf.searchsorted(at, splits)), first)

    def _cut(self, marked: tf.Tensor, starts: tf.Tensor, broken: tf.Tensor, splits: tf.Tensor) -> tf.Tensor:
        """Returns the words `broken` [M] without their marks, which lie at `starts` [W]; row splits [B + 1]."""
        sizes = tf.strings.length(marked)
        ends = _following(starts, tf.reduce_sum(sizes))
        base = tf.gather(tf.cumsum(sizes, exclusive=True), row_ids(splits, tf.size(broken)))
        long = tf.cast(splits, tf.int64)  # which the op insists on
        borders = (tf.gather(starts, broken) + 1 - base, tf.gather(ends, broken) - base)
        ragged = (tf.RaggedTensor.from_row_splits(at, long, validate=False) for at in borders)
        return self._bytes.split_by_offsets(marked, *ragged).flat_values


def _following(values: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Returns the value after each of `values` [W]; after the last one, `last`."""
    return tf.concat([values, last[None]], 0)[1:]
