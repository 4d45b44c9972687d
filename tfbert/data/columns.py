"""Columns of examples as tensors. B rows; a column of lists is a RaggedTensor [B, (n)]."""

import numpy as np
import tensorflow as tf


def tensor(values):
    """A column as a tensor: strings or numbers [B]; rows that are lists are strings, rows that are arrays numbers.

    Those are of any length and become a RaggedTensor. Strings may be `str` or `bytes`; a lone surrogate, which has
    no UTF-8, becomes `?`.

    >>> tensor([["a", "film"], []]).to_list()
    [[b'a', b'film'], []]
    """
    if isinstance(values, np.ndarray) and values.dtype.kind not in "OU":
        return tf.constant(values)
    values = list(values)
    if values and isinstance(values[0], (list, np.ndarray)):
        lists = isinstance(values[0], list)
        flat = _strings([part for row in values for part in row]) if lists else np.concatenate(values)
        return tf.RaggedTensor.from_row_lengths(flat, np.array([len(row) for row in values], np.int64))
    if not values or isinstance(values[0], (str, bytes)):
        return _strings(values)
    return tf.constant(values)


def specs(columns):
    """{name: the spec of `tensor` of any of its rows, however many}, of columns that have a row.

    >>> specs({"text": ["a film"]})
    {'text': TensorSpec(shape=(None,), dtype=tf.string, name=None)}
    """
    return {name: _spec(tensor(values[:1])) for name, values in columns.items()}


def _spec(value):
    if isinstance(value, tf.RaggedTensor):
        return tf.RaggedTensorSpec([None, None, *value.shape[2:]], value.dtype, 1, value.row_splits.dtype)
    return tf.TensorSpec([None, *value.shape[1:]], value.dtype)


def _strings(values):
    encoded = [value.encode("utf-8", "replace") if isinstance(value, str) else value for value in values]
    return tf.constant(encoded, tf.string, shape=[len(encoded)])


def collected(batches, order):
    """Dicts of arrays of several batches as one, its rows brought back by `order`.

    Where the batches' further dimensions differ they are padded: strings with b"", integers with -1, floats with 0.
    """
    joined = {}
    for name in batches[0]:
        parts = [np.asarray(batch[name]) for batch in batches]
        shape = np.max([part.shape[1:] for part in parts], axis=0).astype(int) if parts[0].ndim > 1 else ()
        fill = {"O": b"", "S": b"", "i": -1}.get(parts[0].dtype.kind, 0)
        padded = [
            np.pad(part, [(0, 0), *((0, most - n) for most, n in zip(shape, part.shape[1:], strict=True))],
                   constant_values=fill)
            if part.shape[1:] != tuple(shape) else part
            for part in parts
        ]  # fmt: skip
        joined[name] = np.concatenate(padded)[order]
    return joined
