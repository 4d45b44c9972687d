"""Tokens -> their sentences, and chosen sentences -> summaries, in graph operations.

B documents, W windows, S sequence, N sentences of all documents together, K sentences of a summary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from tfbert.text.sentences import Sentences

# After these no space is written, nor after a quote or bracket that closes them.
_JOINS_CLOSELY = r"""\C*[\p{Han}\p{Hiragana}\p{Katakana}\x{3000}-\x{303F}\x{FF00}-\x{FFEF}]["'”’»)]*"""


def sentences_of_tokens(document: tf.Tensor, windows: dict[str, tf.Tensor], sentences: Sentences) -> tf.Tensor:
    """The number of each token's sentence in the batch, int32 [W, S]; -1 for none.

    A sentence counts in one window: the one with most of its tokens, of several the one that sees most of them in
    their best context, then the first.

    Args:
        document: strings [B].
        windows: rows, byte_offsets, best_context of `Tokenizer.windows`.
        sentences: `Sentences` of the documents.
    """
    # All documents as one text, with a byte between them.
    base = tf.cumsum(tf.cast(tf.strings.length(document), tf.int64) + 1, exclusive=True)  # [B]
    of_sentence = tf.gather(base, sentences.rows)
    starts, ends = (tf.cast(values, tf.int64) + of_sentence for values in (sentences.starts, sentences.ends))
    offsets = tf.cast(windows["byte_offsets"], tf.int64)
    place = offsets[..., 0] + tf.gather(base, windows["rows"])[:, None]  # [W, S]
    shape, length = tf.shape(place), tf.shape(place)[1]
    number = tf.searchsorted(starts, tf.reshape(place, [-1]), side="right")  # from 1; 0 before the first
    ends = tf.concat([[0], ends], 0)
    is_inside = (tf.reshape(place, [-1]) < tf.gather(ends, number)) & (
        tf.reshape(offsets[..., 1] > offsets[..., 0], [-1])
    )
    number = tf.where(is_inside, number, 0)

    # The tokens of one sentence in one window are a run.
    window = tf.repeat(tf.range(shape[0]), length)
    is_new = (number[1:] != number[:-1]) | (window[1:] != window[:-1])
    run = tf.cumsum(tf.pad(tf.cast(is_new, tf.int32), [[1, 0]]))[: tf.size(number)]
    weight = length + 1 + tf.reshape(windows["best_context"], [-1])  # first their number, then their context
    weight = tf.gather(tf.math.unsorted_segment_sum(weight, run, tf.size(run)), run)
    size = tf.size(ends)
    is_most = tf.equal(weight, tf.gather(tf.math.unsorted_segment_max(weight, number, size), number))
    first = tf.math.unsorted_segment_min(tf.where(is_most, window, shape[0]), number, size)
    is_here = (number > 0) & tf.equal(window, tf.gather(first, number))
    return tf.reshape(tf.where(is_here, number - 1, -1), shape)


def packed(sentences: Sentences, taken: tf.Tensor, texts: tf.Tensor, **values: tf.Tensor) -> dict[str, tf.Tensor]:
    """The taken sentences of each document as dense tensors: sentences, sentence_ids and `values` [B, K]; summary [B].

    Args:
        sentences: `Sentences` of the documents.
        taken: bool [N].
        texts: strings [N].
        values: float or int32 [N] each.
    """
    rows = tf.boolean_mask(sentences.rows, taken)
    documents = tf.size(sentences.row_splits, tf.int64) - 1
    numbers = tf.range(tf.size(texts)) - tf.gather(sentences.row_splits, sentences.rows)

    def dense(of_sentence, fill):
        kept = tf.boolean_mask(of_sentence, taken)
        ragged = tf.RaggedTensor.from_value_rowids(kept, tf.cast(rows, tf.int64), documents, validate=False)
        return ragged.to_tensor(fill)

    result = {name: dense(value, 0.0 if value.dtype.is_floating else -1) for name, value in values.items()}
    result["sentence_ids"] = dense(numbers, -1)
    result["sentences"] = parts = dense(texts, "")
    close = tf.strings.regex_full_match(parts, _JOINS_CLOSELY)
    follows = result["sentence_ids"][:, 1:] >= 0  # another sentence
    space = tf.pad(follows & ~close[:, :-1], [[0, 0], [0, 1]])[:, : tf.shape(parts)[1]]
    result["summary"] = tf.strings.reduce_join(tf.strings.join([parts, tf.where(space, " ", "")]), axis=1)
    return result
