"""Several steps in one execution."""

import keras
import numpy as np
import pytest

import tfbert
from tfbert import TextClassifier

TEXTS = ["my parcel is late", "refund", "where is my order i want it on monday", "a", "the card was charged twice"]
LABELS = ["late", "money", "late", "money", "late"]


@pytest.mark.slow
def test_several_steps_in_an_execution_are_the_same_steps(tiny_checkpoint):
    """Four at once in epochs of five: the last execution has one; the callback's batch is the last of each."""
    seen, weights = [], []
    ends = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    for steps in (1, 4):
        keras.utils.set_random_seed(0)
        model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["late", "money"])
        model.compile(tfbert.AdamW(1e-3), steps_per_execution=steps)
        model.fit(TEXTS, LABELS, batch_size=1, epochs=2, verbose=0, callbacks=[ends])
        assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 10
        weights.append(model.get_weights())
    assert seen == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 3, 7, 3, 7]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
