"""Sentences' scores -> the summary's sentences, in graph operations.

B documents, N sentences of all documents together, G n-grams of all sentences together, U different ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from tfbert.text.sentences import Sentences

# Scripts without spaces between words: each character counts as a word.
_WITHOUT_SPACES = r"[\p{Han}\p{Hiragana}\p{Katakana}]"


def chosen(
    scores: tf.Tensor, sentences: Sentences, limits: tf.Tensor, texts: tf.Tensor, *, block_ngrams: int
) -> tf.Tensor:
    """The best sentences of each document; bool [N].

    The best first, a sentence is taken unless it has an n-gram of words in common with one taken before. Words are
    runs of letters and digits in lower case, and single Chinese and Japanese characters.

    Source: nlpyang/BertSum, trainer.py, _block_tri (Paulus et al. 2018).

    Args:
        scores: float [N]; one below 0 is never taken.
        sentences: `Sentences` of the documents.
        limits: int32 [B], sentences taken at most.
        texts: strings [N].
        block_ngrams: n; 0 for none.
    """
    order = _by_score(scores, sentences.rows)
    if not block_ngrams:
        begins = tf.gather(sentences.row_splits, sentences.rows)
        taken = tf.range(tf.size(order)) - begins < tf.gather(limits, sentences.rows)  # of each place in the order
        taken = tf.scatter_nd(order[:, None], tf.cast(taken, tf.int32), [tf.size(order)]) > 0
        return taken & (scores >= 0)
    return _without_repetition(scores, sentences, limits, order, ngrams(texts, sentences.rows, block_ngrams))


def ngrams(texts: tf.Tensor, rows: tf.Tensor, n: int) -> tf.RaggedTensor:
    """Numbers of the n-grams of each sentence: RaggedTensor of int32 [N, (n-grams)].

    Two have the same number where they are the same words of the same document; `rows` [N] says whose sentence it is.
    """
    texts = tf.strings.regex_replace(tf.strings.lower(texts, "utf-8"), r"[^\p{L}\p{N}\p{M}]+", " ")
    words = tf.strings.split(tf.strings.regex_replace(texts, _WITHOUT_SPACES, r" \0 "))  # [N, (words)]
    _, word = tf.unique(words.flat_values)
    size = tf.size(word, tf.int64)
    word = tf.cast(word, tf.int64)
    sentence = words.value_rowids()
    begins = tf.where(tf.range(size) + n <= tf.gather(words.row_limits(), sentence))[:, 0]
    number = tf.cast(tf.gather(rows, tf.gather(sentence, begins)), tf.int64)
    for i in range(n):  # after each round the numbers are those of (document, first words)
        _, number = tf.unique(number * size + tf.gather(word, begins + i))
        number = tf.cast(number, tf.int64)
    counts = tf.maximum(words.row_lengths() - (n - 1), 0)
    return tf.RaggedTensor.from_row_lengths(tf.cast(number, tf.int32), counts, validate=False)


def _by_score(scores, rows):
    """The numbers of all sentences, document after document, the best of each first: int32 [N]."""
    order = tf.argsort(scores, direction="DESCENDING", stable=True)
    return tf.gather(order, tf.argsort(tf.gather(rows, order), stable=True))


def _without_repetition(scores, sentences, limits, order, grams):
    """In each round every document takes its next best sentence; the n-grams that are taken are kept."""
    size, documents = tf.size(scores), tf.size(limits)
    # A sentence more, without n-grams and never taken, is the candidate of documents that have no other.
    scores, order = tf.pad(scores, [[0, 1]], constant_values=-1.0), tf.pad(order, [[0, 1]])
    grams = tf.concat([grams, tf.RaggedTensor.from_row_lengths(tf.zeros([0], tf.int32), [0])], 0)
    begins, lengths = sentences.row_splits[:-1], sentences.lengths

    def is_open(i, count):
        return (i < lengths) & (count < limits)

    def go_on(i, count, taken, used):
        return tf.reduce_any(is_open(i, count))

    def take(i, count, taken, used):
        candidate = tf.where(is_open(i, count), tf.gather(order, tf.minimum(begins + i, size)), size)  # [B]
        own = tf.gather(grams, candidate)
        document = own.value_rowids()
        repeated = tf.cast(tf.gather(used, own.flat_values), tf.int32)
        repeats = tf.math.unsorted_segment_sum(repeated, document, documents) > 0
        takes = (tf.gather(scores, candidate) >= 0) & ~repeats
        new = tf.boolean_mask(own.flat_values, tf.gather(takes, document))
        used = tf.tensor_scatter_nd_update(used, new[:, None], tf.ones_like(new, tf.bool))
        taken = tf.tensor_scatter_nd_update(taken, candidate[:, None], takes)
        return i + 1, count + tf.cast(takes, tf.int32), taken, used

    different = tf.reduce_max(tf.pad(grams.flat_values, [[0, 1]])) + 1  # U, 1 without any
    start = (0, tf.zeros_like(limits), tf.zeros([size + 1], tf.bool), tf.zeros([different], tf.bool))
    vector = tf.TensorShape([None])
    return tf.while_loop(go_on, take, start, shape_invariants=(tf.TensorShape([]), *[vector] * 3))[2][:size]
