"""Gradients before the optimizer sees them."""

import tensorflow as tf


def without_duplicates(grad):
    """Sums the rows of an IndexedSlices that share an id; a dense gradient passes through.

    A token that occurs twice in a batch gives two rows. Their norm and their squares are not those of the
    gradient, so clipping and Adam need the sum.
    """
    if not isinstance(grad, tf.IndexedSlices):
        return grad
    ids, position = tf.unique(tf.reshape(grad.indices, [-1]))
    values = tf.reshape(grad.values, [-1, grad.values.shape[-1]])
    rows = tf.math.unsorted_segment_sum(values, position, tf.size(ids))
    return tf.IndexedSlices(rows, ids, grad.dense_shape)


def clip_by_global_norm(grads, clip_norm):
    """Scales all gradients so that their common norm is at most `clip_norm`; sparse ones stay sparse.

    Rows must be free of duplicates. Source: Pascanu et al. 2013, algorithm 1.
    """
    norm = tf.linalg.global_norm(grads)
    scale = clip_norm / tf.maximum(norm, clip_norm)

    def scaled(grad):
        if isinstance(grad, tf.IndexedSlices):
            return tf.IndexedSlices(grad.values * scale, grad.indices, grad.dense_shape)
        return grad if grad is None else grad * scale

    return [scaled(grad) for grad in grads]
