"""Parts of texts by the bytes where they begin and end. B texts, K parts of each."""

from __future__ import annotations

import tensorflow as tf


def parts_of(texts: tf.Tensor, begins: tf.Tensor, ends: tf.Tensor, *, portable: bool = False) -> tf.Tensor:
    """Returns the bytes [begin, end) of `texts` [B], strings [B, K]; "" where `begins`, int32 [B, K], is below 0.

    Args:
        portable: in ops that LiteRT has with tensorflow_text's kernels.

    >>> parts_of(tf.constant(["a film"]), tf.constant([[2, -1]]), tf.constant([[6, -1]])).numpy().tolist()
    [[b'film', b'']]
    """
    begins, ends = tf.maximum(begins, 0), tf.maximum(ends, 0)
    count = tf.shape(begins)[1]
    if not portable:
        return tf.strings.substr(tf.tile(texts[:, None], tf.stack([1, count])), begins, ends - begins)
    import tensorflow_text

    splits = tf.cast(tf.range(tf.shape(begins)[0] + 1) * count, tf.int64)
    places = (
        tf.RaggedTensor.from_row_splits(tf.reshape(each, [-1]), splits, validate=False) for each in (begins, ends)
    )
    return tf.reshape(tensorflow_text.ByteSplitter().split_by_offsets(texts, *places).flat_values, tf.shape(begins))
