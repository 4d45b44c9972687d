"""Scores of words -> tags that BIO allows -> entities, in graph operations.

Shapes: B texts, L words of the longest, N words of all texts together, C = 1 + 2 labels tags (O, then B- and I- of each
label), M entities of all texts together, E of the text with the most.
"""

import numpy as np
import tensorflow as tf

_NEVER = -1e9  # the logarithm of no probability; finite, so that sums stay numbers


def best_tags(log_probabilities, lengths):
    """The likeliest tags in which I-x stands behind B-x or I-x only: int32 [B, L]. Viterbi's algorithm.

    Args:
        log_probabilities: float32 [B, L, C].
        lengths: int32 [B], words; what is behind them is of no account.

    >>> best_tags(tf.math.log([[[0.4, 0.0, 0.6], [0.1, 0.3, 0.6]]]), tf.constant([2])).numpy().tolist()
    [[0, 1]]
    """
    tags = log_probabilities.shape[-1]
    into, out_of = np.meshgrid(np.arange(tags), np.arange(tags))
    inside = (into > 0) & (into % 2 == 0)
    allowed = tf.constant(np.where(inside & (out_of != into) & (out_of != into - 1), _NEVER, 0.0), tf.float32)

    def forward(state, word):
        best, _ = state
        scores, is_word = word
        total = tf.expand_dims(best, 2) + allowed  # [B, C, C]
        behind = tf.argmax(total, axis=1, output_type=tf.int32)
        new = tf.reduce_max(total, axis=1) + scores
        new -= tf.reduce_max(new, axis=1, keepdims=True)  # sums over a long text would lose digits
        return tf.where(is_word, new, best), tf.where(is_word, behind, tf.range(tags))

    def backward(tag, behind):
        return tf.gather(behind, tag, batch_dims=1)

    by_word = tf.transpose(log_probabilities, [1, 0, 2])
    is_word = tf.expand_dims(tf.range(tf.shape(by_word)[0])[:, None] < lengths, 2)  # [L, B, 1]
    nothing = tf.zeros_like(log_probabilities[:, 0, 0], tf.int32)  # [B]; before the first word stands O
    start = tf.one_hot(nothing, tags, 0.0, _NEVER)
    best, behind = tf.scan(forward, (by_word, is_word), (start, tf.zeros_like(start, tf.int32)))
    last = tf.argmax(best[-1], axis=1, output_type=tf.int32)
    before = tf.scan(backward, behind, last, reverse=True)  # [L, B], the tag before each word
    return tf.transpose(tf.concat([before[1:], last[None]], 0))


def tags_of_words(logits, row, texts):
    """Logits [N, C] of words of the text `row` [N], of `texts` texts -> their tags int32 [N] and probabilities [N]."""
    log_probabilities = tf.nn.log_softmax(logits)
    ragged = tf.RaggedTensor.from_value_rowids(log_probabilities, row, tf.cast(texts, row.dtype), validate=False)
    lengths = tf.cast(ragged.row_lengths(), tf.int32)
    # A word more than there are: a batch without words has one place, too.
    dense = tf.pad(ragged.to_tensor(), [[0, 0], [0, 1], [0, 0]])
    dense = tf.ensure_shape(dense, [None, None, logits.shape[-1]])
    tags = tf.boolean_mask(best_tags(dense, lengths), tf.sequence_mask(lengths, tf.shape(dense)[1]))
    return tags, tf.exp(tf.gather(log_probabilities, tags, batch_dims=1))


def entities(tags, probabilities, row, texts, spans):
    """Tags [N] -> for each text its entities, filled up with -1 and 0.

    Args:
        tags, probabilities, row: [N] each.
        texts: how many texts.
        spans: {start: (start, end)}, int32 [N] each, what each word covers in several measures.

    Returns:
        {"label": int32 [B, E], "score": float32 [B, E], start: int32 [B, E], end: int32 [B, E], …}.
    """
    begins = tf.equal(tags % 2, 1)
    entity = tf.cumsum(tf.cast(begins, tf.int32)) - 1  # [N], of the words inside one
    count = tf.math.count_nonzero(begins, dtype=tf.int32)
    entity = tf.where(tags > 0, entity, -1)  # segments drop what is below 0
    values = {
        "label": (tf.boolean_mask(tags, begins) - 1) // 2,
        "score": tf.math.unsorted_segment_mean(probabilities, entity, count),
    }
    for (start, end), (starts, ends) in spans.items():
        values[start] = tf.boolean_mask(starts, begins)
        values[end] = tf.math.unsorted_segment_max(ends, entity, count)
    rows = tf.boolean_mask(row, begins)

    def filled(value):
        ragged = tf.RaggedTensor.from_value_rowids(value, rows, tf.cast(texts, rows.dtype), validate=False)
        return ragged.to_tensor(-1 if value.dtype.is_integer else 0.0)

    return {name: filled(value) for name, value in values.items()}


def texts_between(text, start, end):
    """The bytes [start, end) int32 [B, E] of text [B]; "" where start is below 0. Time and memory grow as the text."""
    characters = tf.strings.bytes_split(text)
    shape = tf.shape(start)
    first = tf.cast(tf.reshape(tf.cast(characters.row_starts(), tf.int32)[:, None] + start, [-1]), tf.int32)
    size = tf.reshape(end - start, [-1])  # 0 where both are -1
    places = tf.ragged.range(first, first + size)
    flat = tf.ragged.map_flat_values(lambda place: tf.gather(characters.flat_values, place), places)
    return tf.reshape(tf.strings.reduce_join(flat, axis=1), shape)
