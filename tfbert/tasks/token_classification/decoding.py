"""Scores of words -> tags that BIO allows -> entities, in graph operations.

Shapes: B texts, L words of the longest, N words of all texts together, C = 1 + 2 labels tags (O, then B- and I- of each
label), M entities of all texts together, E of the text with the most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfbert.encoders.layers.masking import MASKED


def bio_constraint(tags: Sequence[str]) -> np.ndarray:
    """0 if BIO allows a tag (column) after another (row), else MASKED: I-x follows B-x or I-x only. float32 [C, C]

    >>> bio_constraint(("O", "B-x", "I-x")).tolist()
    [[0.0, 0.0, -1000000000.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    def allowed(before, tag):
        return not tag.startswith("I-") or before in (f"B-{tag[2:]}", tag)

    return np.array([[0.0 if allowed(before, tag) else MASKED for tag in tags] for before in tags], np.float32)


def best_tags(scores: tf.Tensor, lengths: tf.Tensor, pairs: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """The best sequence of tags for each text, int32 [B, L], by Viterbi's algorithm.

    Args:
        scores: float32 [B, L, C].
        lengths: int32 [B], words of each text; scores after them do not count.
        pairs: float32 [C, C], the score of each tag (column) after another (row).
        first: float32 [C], the score of each tag at the first word.

    >>> pairs = bio_constraint(("O", "B-x", "I-x"))
    >>> best_tags(tf.math.log([[[0.4, 0.0, 0.6], [0.1, 0.3, 0.6]]]), tf.constant([2]), pairs, pairs[0]).numpy().tolist()
    [[0, 1]]
    """
    tags = scores.shape[-1]

    def forward(state, word):
        best, _ = state
        scores, is_word, is_first = word
        total = tf.expand_dims(best, 2) + tf.where(is_first, first[None], pairs)  # [B, C, C]
        behind = tf.argmax(total, axis=1, output_type=tf.int32)
        new = tf.reduce_max(total, axis=1) + scores
        new -= tf.reduce_max(new, axis=1, keepdims=True)  # sums over a long text would lose digits
        return tf.where(is_word, new, best), tf.where(is_word, behind, tf.range(tags))

    def backward(tag, behind):
        return tf.gather(behind, tag, batch_dims=1)

    by_word = tf.transpose(scores, [1, 0, 2])
    is_word = tf.expand_dims(tf.range(tf.shape(by_word)[0])[:, None] < lengths, 2)  # [L, B, 1]
    is_first = tf.equal(tf.range(tf.shape(by_word)[0]), 0)
    start = tf.zeros_like(by_word[0])
    best, behind = tf.scan(forward, (by_word, is_word, is_first), (start, tf.zeros_like(start, tf.int32)))
    last = tf.argmax(best[-1], axis=1, output_type=tf.int32)
    before = tf.scan(backward, behind, last, reverse=True)  # [L, B], the tag before each word
    return tf.transpose(tf.concat([before[1:], last[None]], 0))


def probabilities_of_tags(logits: tf.Tensor, lengths: tf.Tensor, pairs: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """The probability of each tag at each word, over all sequences of tags: float32 [B, L, C]. Forward-backward.

    Args:
        logits: float32 [B, L, C].
        lengths: int32 [B], words of each text; logits after them do not count.
        pairs, first: as in `best_tags`.

    >>> probabilities_of_tags(tf.zeros([1, 2, 3]), tf.constant([2]), bio_constraint(("O", "B-x", "I-x")), tf.zeros(3))
    """
    by_word = tf.transpose(logits, [1, 0, 2])
    is_word = tf.expand_dims(tf.range(tf.shape(by_word)[0])[:, None] < lengths, 2)  # [L, B, 1]

    def forward(before, word):  # normalized at each word: sums over a long text would lose digits
        scores, is_word, is_first = word
        behind = _log_sum_exp(before[:, :, None] + tf.where(is_first, first[None], pairs), 1) + scores
        return tf.where(is_word, tf.nn.log_softmax(behind), before)

    def backward(behind, word):  # from a word's tag to all words after it
        scores, is_word = word
        before = _log_sum_exp(pairs + (scores + behind)[:, None, :], 2)
        return tf.where(is_word, tf.nn.log_softmax(before), behind)

    nothing = tf.zeros_like(by_word[0])
    is_first = tf.equal(tf.range(tf.shape(by_word)[0]), 0)
    until = tf.scan(forward, (by_word, is_word, is_first), nothing)
    after = tf.scan(backward, (by_word, is_word), nothing, reverse=True)  # [L, B, C], from the word before
    after = tf.concat([after[1:], nothing[None]], 0)
    return tf.transpose(tf.nn.softmax(until + after), [1, 0, 2])


def _log_sum_exp(values, axis):
    """`tf.reduce_logsumexp` of finite values, without its operations for infinite ones."""
    most = tf.reduce_max(values, axis, keepdims=True)
    return tf.math.log(tf.reduce_sum(tf.exp(values - most), axis)) + tf.squeeze(most, axis)


def tags_of_words(
    logits: tf.Tensor,
    row: tf.Tensor,
    texts: tf.Tensor | int,
    names: Sequence[str],
    transitions: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The best sequence of tags that BIO allows for each text, and the probability of each tag in it.

    Args:
        logits: float32 [N, C].
        row: int [N], the text of each word.
        texts: number of texts, B.
        names: of the tags, O first.
        transitions: float32 [C, C], trained; if None, a tag's probability is a softmax over its word's logits.

    Returns: int32 [N], float32 [N].
    """
    constraint = tf.constant(bio_constraint(names))
    pairs, first = constraint if transitions is None else transitions + constraint, constraint[0]
    log_probabilities = tf.nn.log_softmax(logits)
    ragged = tf.RaggedTensor.from_value_rowids(log_probabilities, row, tf.cast(texts, row.dtype), validate=False)
    lengths = tf.cast(ragged.row_lengths(), tf.int32)
    # One place more than words, so that a batch without words has one too.
    dense = tf.pad(ragged.to_tensor(), [[0, 0], [0, 1], [0, 0]])
    dense = tf.ensure_shape(dense, [None, None, logits.shape[-1]])
    is_word = tf.sequence_mask(lengths, tf.shape(dense)[1])
    tags = tf.boolean_mask(best_tags(dense, lengths, pairs, first), is_word)
    if transitions is None:
        probabilities = tf.exp(log_probabilities)
    else:
        probabilities = tf.boolean_mask(probabilities_of_tags(dense, lengths, pairs, first), is_word)
    return tags, tf.gather(probabilities, tags, batch_dims=1)


def entities(
    tags: tf.Tensor,
    probabilities: tf.Tensor,
    row: tf.Tensor,
    texts: tf.Tensor,
    spans: Mapping[tuple[str, str], tuple[tf.Tensor, tf.Tensor]],
) -> dict[str, tf.Tensor]:
    """Tags [N] -> the entities of each text, padded with -1 and 0.

    Args:
        tags, probabilities, row: [N] each.
        texts: number of texts, B.
        spans: {(name of the start, name of the end): (start, end)}, int32 [N] each: what each word covers, in
            characters, bytes or words.

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


def texts_between(text: tf.Tensor, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """The bytes [start, end) int32 [B, E] of text [B]; "" if start is below 0. Time and memory grow with the text."""
    characters = tf.strings.bytes_split(text)
    shape = tf.shape(start)
    first = tf.cast(tf.reshape(tf.cast(characters.row_starts(), tf.int32)[:, None] + start, [-1]), tf.int32)
    size = tf.reshape(end - start, [-1])  # 0 where both are -1
    places = tf.ragged.range(first, first + size)
    flat = tf.ragged.map_flat_values(lambda place: tf.gather(characters.flat_values, place), places)
    return tf.reshape(tf.strings.reduce_join(flat, axis=1), shape)
