"""Logits of windows -> the best answers of their texts, in graph operations.

B texts, W windows of all texts together, S sequence, L tokens of an answer at most, K answers of a text, C candidates
of a text.
"""

from __future__ import annotations

import tensorflow as tf

from tfbert.encoders.layers.masking import MASKED, is_masked
from tfbert.text.pieces import scattered


def best_answers(
    context: tf.Tensor, features: dict[str, tf.Tensor], logits: tf.Tensor, *, n_best: int, answer_length: int
) -> dict[str, tf.Tensor]:
    """The best spans of each text, over all its windows.

    A span's score is the sum of the logits of its first and last token. A first token counts in the one window
    that sees it in its best context. Of spans that cover the same bytes (tokens of one character) the best stays.

    Source: google-research/bert, run_squad.py, write_predictions; there the spans are those between the best first
    and the best last tokens, here all.

    Args:
        context: strings [B].
        features: text_ids, best_context, rows, byte_offsets, character_offsets of all windows.
        logits: float32 [W, S, 2].

    Returns:
        dict of [B, K], best first, filled up with MASKED and -1: span_scores, start, end (characters), byte_start,
        byte_end; and null_score [B], the least of the windows' scores of [CLS], which is no answer.
    """
    texts, rows = tf.size(context), features["rows"]
    score, first, last = _of_windows(features, logits, n_best, answer_length)  # [W, C]
    of_text = tf.reshape(tf.range(tf.size(score)), tf.shape(score))
    candidates = _by_text(score, rows, texts, MASKED)
    numbers = _by_text(of_text, rows, texts, 0)
    # With as many empty candidates as asked for there are always enough.
    candidates = tf.concat([candidates, tf.fill([texts, n_best], MASKED)], 1)
    numbers = tf.concat([numbers, tf.zeros([texts, n_best], tf.int32)], 1)
    scores, order = tf.math.top_k(candidates, n_best)  # [B, K]
    numbers = tf.gather(numbers, order, batch_dims=1)
    window = numbers // tf.shape(score)[1]
    first, last = (tf.gather(tf.reshape(values, [-1]), numbers) for values in (first, last))
    spans = {}
    for name, offsets in (("", "character_offsets"), ("byte_", "byte_offsets")):
        spans[name + "start"] = tf.gather_nd(features[offsets][..., 0], tf.stack([window, first], -1))
        spans[name + "end"] = tf.gather_nd(features[offsets][..., 1], tf.stack([window, last], -1))

    kept = ~is_masked(scores) & ~_seen_before(spans["byte_start"], spans["byte_end"])
    order = tf.argsort(tf.cast(~kept, tf.int32), axis=-1, stable=True)
    kept = tf.gather(kept, order, batch_dims=1)
    scores = tf.where(kept, tf.gather(scores, order, batch_dims=1), MASKED)
    spans = {name: tf.where(kept, tf.gather(values, order, batch_dims=1), -1) for name, values in spans.items()}
    null_score = tf.math.unsorted_segment_min(logits[:, 0, 0] + logits[:, 0, 1], rows, texts)
    return {"span_scores": scores, **spans, "null_score": null_score}


def _of_windows(features, logits, n_best, answer_length):
    """The best spans of each window: score float [W, C], first and last token int32 [W, C]."""
    length = tf.shape(logits)[1]
    is_context = features["text_ids"] == 1
    first = tf.where(is_context & (features["best_context"] == 1), logits[..., 0], MASKED)  # [W, S]
    last = tf.where(is_context, logits[..., 1], MASKED)
    last = tf.pad(last, [[0, 0], [0, answer_length - 1]], constant_values=MASKED)
    band = tf.range(length)[:, None] + tf.range(answer_length)  # a first token's last tokens, [S, L]
    scores = tf.expand_dims(first, 2) + tf.gather(last, band, axis=1)  # [W, S, L]
    scores = tf.reshape(scores, [-1, length * answer_length])
    scores, places = tf.math.top_k(scores, tf.minimum(n_best, length * answer_length))
    begin = places // answer_length
    return tf.maximum(scores, MASKED), begin, tf.minimum(begin + places % answer_length, length - 1)


def _by_text(values, rows, texts, fill):
    """[W, C] -> [B, windows of the text with most of them x C]; the windows of a text follow one another."""
    counts = scattered(rows, tf.ones_like(rows), texts)  # [B]
    most = tf.reduce_max(tf.concat([counts, [0]], 0))
    number = tf.range(most)
    window = tf.expand_dims(tf.cumsum(counts, exclusive=True), 1) + number  # [B, windows of the text with most]
    dense = tf.gather(values, tf.minimum(window, tf.size(rows) - 1))
    there = tf.expand_dims(number < tf.expand_dims(counts, 1), 2)
    return tf.reshape(tf.where(there, dense, fill), tf.stack([texts, most * tf.shape(values)[1]]))


def _seen_before(starts, ends):
    """Whether an earlier span of the same text covers the same bytes, [B, K]."""
    same = [tf.equal(tf.expand_dims(each, 2), tf.expand_dims(each, 1)) for each in (starts, ends)]
    earlier = tf.linalg.band_part(tf.cast(same[0] & same[1], tf.int32), -1, 0)  # its own place is one of them
    return tf.reduce_sum(earlier, axis=-1) > 1
