"""The words of windows, and the tags that spans give them, in graph operations.

Shapes: W windows, S sequence, T tokens of all texts together, N words of all texts together, M spans of all texts.
"""

from __future__ import annotations

import typing

import tensorflow as tf

NO_TAG = -100  # of tokens that are no word's first piece; Hugging Face's number for it
_MORE_THAN_A_TEXT = 2**31  # characters; a span's row times this and its place make one number in order


class Words(typing.NamedTuple):
    """The words of all texts in order, [N] each: the place of the first piece with most context, and the span."""

    places: tf.Tensor  # int64 [N, 2]: window, position
    row: tf.Tensor  # int32
    number: tf.Tensor  # int32, of the word in its text
    start: tf.Tensor  # int32, in characters
    end: tf.Tensor
    byte_start: tf.Tensor  # int32
    byte_end: tf.Tensor


def words_of(features: dict[str, tf.Tensor]) -> Words:
    """`Tokenizer.windows`' features -> `Words`. A word without pieces, such as a lone space, is none."""
    tokens = tf.where(tf.equal(features["best_context"], 1))  # each token once, in order: int64 [T, 2]

    def at(name):
        return tf.gather_nd(features[name], tokens)

    row, number = tf.gather(features["rows"], tokens[:, 0]), at("word_ids")
    is_first = _changes(row) | _changes(number)
    word = tf.cumsum(tf.cast(is_first, tf.int32)) - 1  # of all texts' words, [T]
    count = tf.math.count_nonzero(is_first, dtype=tf.int32)
    spans = {name: at(name) for name in ("character_offsets", "byte_offsets")}
    starts = {name: tf.boolean_mask(span[:, 0], is_first) for name, span in spans.items()}
    ends = {name: tf.math.unsorted_segment_max(span[:, 1], word, count) for name, span in spans.items()}
    return Words(
        tf.boolean_mask(tokens, is_first),
        tf.boolean_mask(row, is_first),
        tf.boolean_mask(number, is_first),
        starts["character_offsets"],
        ends["character_offsets"],
        starts["byte_offsets"],
        ends["byte_offsets"],
    )


def tags_of_spans(row: tf.Tensor, start: tf.Tensor, end: tf.Tensor, spans: tf.RaggedTensor) -> tf.Tensor:
    """The tag of each word: 0 outside, 1 + 2 * label at the first word of a span, 2 + 2 * label at its others.

    A span has the words that it touches; a word that two touch is the first's. Where a label is below 0, as none of the
    task's, the tag is -100.

    Args:
        row, start, end: int32 [N], the words in order; in the spans' measure.
        spans: RaggedTensor int32 [B, (n), 3] of start, end, label, in order and without overlap.
    """
    values = tf.pad(spans.flat_values, [[0, 1], [0, 0]])
    rows = tf.cast(tf.pad(spans.value_rowids(), [[0, 1]], constant_values=-1), tf.int64)  # of the pad: no text's

    def key(row, place):
        return tf.cast(row, tf.int64) * _MORE_THAN_A_TEXT + tf.cast(place, tf.int64)

    keys = tf.concat([key(rows, values[:, 1])[:-1], [tf.int64.max]], 0)
    found = tf.searchsorted(keys, key(row, start), side="right")  # the first span that ends after the word's start
    touched = (tf.gather(rows, found) == tf.cast(row, tf.int64)) & (tf.gather(values[:, 0], found) < end)
    inside = tf.where(_changes(tf.where(touched, found, -1)), 0, 1)
    label = tf.gather(values[:, 2], found)
    return tf.where(touched, tf.where(label < 0, NO_TAG, 1 + 2 * label + inside), 0)


def ragged_words(words: tf.Tensor | tf.RaggedTensor) -> tf.RaggedTensor:
    """Words [B, (words)] without the "" that pad a dense tensor."""
    if isinstance(words, tf.RaggedTensor):
        return words
    return tf.RaggedTensor.from_tensor(tf.convert_to_tensor(words, tf.string), padding="")


def joined_words(
    given: tf.RaggedTensor, words: Words
) -> tuple[tf.Tensor, dict[tuple[str, str], tuple[tf.Tensor, tf.Tensor]]]:
    """Ragged words -> the words joined by spaces [B], and the spans of `Words` in characters, bytes and words."""
    # The whole of a word, also what the tokenizer leaves out of it.
    first = tf.cast(given.row_starts(), tf.int32)
    index = tf.gather(first, words.row) + words.number

    def places(sizes):
        ends = tf.cumsum(sizes + 1)  # a space after each
        # The start of an empty last row is after the last word.
        before = tf.gather(tf.pad(ends, [[1, 0]]), first)
        begins = tf.gather(ends - 1 - sizes, index) - tf.gather(before, words.row)
        return begins, begins + tf.gather(sizes, index)

    valid = tf.strings.unicode_transcode(given.flat_values, "UTF-8", "UTF-8", errors="replace")
    spans = {
        ("start", "end"): places(tf.strings.length(valid, "UTF8_CHAR")),
        ("byte_start", "byte_end"): places(tf.strings.length(given.flat_values)),
        ("word_start", "word_end"): (words.number, words.number + 1),
    }
    # With separator=" " a ragged reduce_join forgets the separator after a first word of "".
    text = tf.strings.reduce_join(given + " ", axis=1)
    length = tf.maximum(tf.strings.length(text) - 1, 0)
    return tf.strings.substr(text, tf.zeros_like(length), length), spans


def _changes(values):
    """Whether each value differs from the one before it; the first does unless it is -1."""
    return tf.not_equal(values, tf.pad(values, [[1, 0]], constant_values=-1)[:-1])
