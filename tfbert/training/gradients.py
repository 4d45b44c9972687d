"""Gradients before the optimizer sees them."""

from __future__ import annotations

from typing import TypeAlias

import tensorflow as tf

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices | None  # None of a weight that the outputs do not depend on


def without_duplicates(grad: Gradient) -> Gradient:
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


def clip_by_global_norm(grads: list[Gradient], clip_norm: float) -> list[Gradient]:
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


def dense_gradients(gradients: list[Gradient]) -> list[tf.Tensor | None]:
    """Each gradient as one tensor; None of a weight that the outputs do not depend on, such as an unused pooler."""
    return [g if g is None else tf.convert_to_tensor(without_duplicates(g)) for g in gradients]


def as_slices(gradient: tf.Tensor | tf.IndexedSlices) -> tf.IndexedSlices:
    """A gradient as IndexedSlices of int32 ids and known shape, as the branches of a `tf.cond` must agree on."""
    if isinstance(gradient, tf.IndexedSlices):
        shape = gradient.dense_shape
        return tf.IndexedSlices(gradient.values, tf.cast(gradient.indices, tf.int32), tf.cast(shape, tf.int32))
    shape = tf.shape(gradient)
    return tf.IndexedSlices(gradient, tf.range(shape[0]), shape)
