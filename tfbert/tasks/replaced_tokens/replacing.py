"""Rows whose masked tokens a generator has replaced, in graph operations.

Shapes: B rows, S tokens of a row, P predictions of a row, V vocabulary.
"""

from __future__ import annotations

import tensorflow as tf


def sampled(logits: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Token ids int32 [B, P], each drawn from softmax(logits) at temperature 1; no gradient flows through them.

    A draw is the first token at which the cumulated probability exceeds a uniform number. This is the distribution of
    Gumbel noise and argmax (Clark et al. 2020, section 3.1), with one random number for a prediction instead of V.

    Args:
        logits: float32 [B, P, V].
        draws: float32 [B, P], uniform in [0, 1).

    >>> sampled(tf.math.log([[[0.5, 0.25, 0.25]]]), tf.constant([[0.6]])).numpy()
    array([[1]], dtype=int32)
    """
    cumulated = tf.cumsum(tf.nn.softmax(tf.stop_gradient(logits)), axis=-1)
    threshold = draws[..., None] * cumulated[..., -1:]  # the sum is 1 up to roundings
    below = tf.reduce_sum(tf.cast(cumulated <= threshold, tf.int32), axis=-1)
    return tf.minimum(below, logits.shape[-1] - 1)


def put(token_ids: tf.Tensor, positions: tf.Tensor, values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Rows [B, S] with `values` [B, P] at `positions` [B, P], where `weights` [B, P] are not 0; all but weights int32.

    >>> put(tf.constant([[1, 2, 3]]), tf.constant([[2, 0]]), tf.constant([[9, 8]]), tf.constant([[1.0, 0.0]])).numpy()
    array([[1, 2, 9]], dtype=int32)
    """
    shape = tf.shape(token_ids)
    places = tf.where(weights > 0, positions, shape[1])  # a place after the row, which is cut off
    rows = tf.broadcast_to(tf.range(shape[0])[:, None], tf.shape(places))
    longer = tf.pad(token_ids, [[0, 0], [0, 1]])
    return tf.tensor_scatter_nd_update(longer, tf.stack([rows, places], -1), values)[:, :-1]
