"""Inputs for the signature of a task of a user's own."""

import numpy as np
import pytest
import tensorflow as tf

from tfbert.tasks.golden_texts import TEXTS, default_inputs


def test_texts_of_several_columns_differ():
    inputs = default_inputs({name: tf.TensorSpec([None], tf.string) for name in ("one", "other")})
    assert [text.decode() for text in inputs["one"]] == list(TEXTS)
    assert set(inputs["one"]) == set(inputs["other"]) and inputs["one"].tolist() != inputs["other"].tolist()


@pytest.mark.parametrize("shape", [[None, None], [None, 2], [None, 2, None]])
def test_texts_of_any_rank(shape):
    values = default_inputs({"texts": tf.TensorSpec(shape, tf.string)})["texts"]
    assert values.shape == (len(TEXTS), *(size or 3 for size in shape[1:]))
    assert tf.TensorSpec(shape, tf.string).is_compatible_with(tf.constant(values))
    counts = (values != b"").sum(axis=-1)
    assert set(counts.ravel()) == ({1, 2, 3} if shape[-1] is None else {2})  # filled up at the end alone
    assert all((row == b"").tolist() == sorted((row == b"").tolist()) for row in values.reshape(-1, values.shape[-1]))


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.float32])
def test_numbers(dtype):
    values = default_inputs({"place": tf.TensorSpec([None, 2], dtype)})["place"]
    assert values.shape == (len(TEXTS), 2) and values.dtype == dtype.as_numpy_dtype
    assert set(np.ravel(values)) == {0, 1}
