"""A learning rate that is set: by Keras' callbacks, by a user between two `fit`s, over a schedule of their own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfbert import AdamW, LinearWarmup

TEXTS, NAMES = ["where is it", "money back"] * 4, ["order_status", "refund"] * 4


@pytest.fixture
def fit(model):
    """fit(optimizer, callbacks): the rates that Keras logs, and how far the head's kernel went in each epoch."""

    def fit(optimizer, *callbacks, epochs=3):
        if model.optimizer is not optimizer:
            model.compile(optimizer)
        kernel, kernels = model.network.get_layer("classifier").kernel, []
        recorder = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: kernels.append(kernel.numpy()),
            on_train_end=lambda logs: kernels.append(kernel.numpy()),
        )
        history = model.fit(TEXTS, NAMES, 4, epochs=epochs, callbacks=[*callbacks, recorder], verbose=0).history
        return history.get("learning_rate"), [
            float(np.abs(b - a).max()) for a, b in zip(kernels, kernels[1:], strict=False)
        ]

    return fit


def test_learning_rate_scheduler(fit):
    rates = [1e-3, 0.0, 2e-3]
    logged, moved = fit(
        AdamW(1e-4, weight_decay=0.0), keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])
    )
    np.testing.assert_allclose(logged, rates)
    assert moved[0] > 0 and moved[1] == 0 and moved[2] > 0


def test_reduce_on_plateau(fit):
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.0, patience=1, min_delta=100.0, min_lr=0.0)
    _, moved = fit(AdamW(1e-3, warmup=0.0), plateau)
    assert moved[0] > 0 and moved[1] > 0 and moved[2] == 0


def test_a_rate_that_is_set_is_the_peak_of_the_next_fit():
    optimizer = AdamW(1e-3, warmup=0.0)
    optimizer.learning_rate = 0.5
    optimizer.plan(10, 0)
    assert optimizer.peak == float(optimizer.learning_rate) == float(optimizer.schedule(0)) == 0.5
    optimizer.learning_rate = 0.25
    assert float(optimizer.schedule(9)) == float(optimizer.learning_rate) == 0.25
    optimizer.plan(10, 0)
    assert [float(optimizer.schedule(step)) for step in (0, 5, 10)] == [0.25, 0.125, 0.0]
    assert optimizer.get_config()["learning_rate"] == 0.25


def test_a_plan_is_one_again_after_a_rate_was_held():
    optimizer = AdamW(2.0, warmup=0.5)
    optimizer.plan(10)
    schedule = optimizer.schedule
    schedule.hold(0.5)
    assert [float(schedule(step)) for step in (0, 5, 10)] == [0.5] * 3
    assert not optimizer.plan(10, 0) and optimizer.schedule is schedule
    assert [float(schedule(step)) for step in (0, 5, 10)] == [0.0, 2.0, 0.0]
    traced = tf.function(schedule)
    assert float(traced(tf.constant(5))) == 2.0
    optimizer.learning_rate = 0.25
    assert float(traced(tf.constant(5))) == 0.25 and optimizer.peak == 0.25


def test_over_a_schedule_of_ones_own_keras_refuses():
    optimizer = AdamW(LinearWarmup(1.0, total_steps=4))
    with pytest.raises(TypeError, match="its learning rate is not settable"):
        optimizer.learning_rate = 0.5
