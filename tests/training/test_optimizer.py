"""AdamW, its schedule and the train step, against their formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfbert import AdamW, LinearWarmup
from tfbert.training.gradients import clip_by_global_norm, without_duplicates
from tfbert.training.optimizers.lamb import LAMB


def test_schedule_is_that_of_transformers():
    schedule = LinearWarmup(2.0, total_steps=20, warmup=0.25)

    def transformers(step, warmup=5, total=20):  # get_linear_schedule_with_warmup
        return step / max(1, warmup) if step < warmup else max(0.0, (total - step) / max(1, total - warmup))

    np.testing.assert_allclose([schedule(i) for i in range(25)], [2.0 * transformers(i) for i in range(25)], rtol=1e-6)
    assert float(LinearWarmup(2.0, total_steps=20, warmup=0.25, start=100)(105)) == 2.0
    assert float(LinearWarmup(2.0, total_steps=4, warmup=0.0)(0)) == 2.0
    with pytest.raises(ValueError, match="share of the steps"):
        LinearWarmup(1.0, total_steps=5, warmup=100)


def test_polynomial_decay_is_that_of_transformers():
    schedule = LinearWarmup(2.0, total_steps=20, warmup=0.25, power=0.5)

    def transformers(step, warmup=5, total=20):  # get_polynomial_decay_schedule_with_warmup, lr_end=0
        return step / warmup if step < warmup else max(0.0, 1 - (step - warmup) / (total - warmup)) ** 0.5

    np.testing.assert_allclose([schedule(i) for i in range(25)], [2.0 * transformers(i) for i in range(25)], rtol=1e-6)


def test_lamb_is_its_formula():
    """You et al. 2019, algorithm 2: decay inside the step, whose length becomes the variable's."""
    random = np.random.default_rng(0)
    start = [random.normal(size=(4, 3)), random.normal(size=3), np.zeros((2, 2))]
    gradients = [[0.1 * random.normal(size=value.shape) for value in start] for _ in range(5)]
    names = ("kernel", "bias", "embeddings")
    variables = [keras.Variable(value, name=name) for value, name in zip(start, names, strict=True)]
    optimizer = LAMB(0.05, warmup=0.0, clip_norm=None)
    optimizer.plan(5)
    values, m, v = [value.copy() for value in start], [0.0] * 3, [0.0] * 3
    for step, grads in enumerate(gradients, 1):
        rate = float(optimizer.learning_rate)
        optimizer.apply([tf.constant(g, tf.float32) for g in grads], variables)
        for i, g in enumerate(grads):
            m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g**2
            update = m[i] / (1 - 0.9**step) / (np.sqrt(v[i] / (1 - 0.999**step)) + 1e-6)
            ratio = 1.0
            if names[i] != "bias":
                update = update + 0.01 * values[i]
                length = np.linalg.norm(values[i])
                ratio = length / np.linalg.norm(update) if length else 1.0
            values[i] = values[i] - rate * ratio * update
    for variable, wanted in zip(variables, values, strict=True):
        np.testing.assert_allclose(variable, wanted, rtol=1e-4, atol=1e-6)


def numpy_adamw(values, gradients, rates, *, weight_decay=0.01, decayed=(True, False), clip=1.0):
    """Loshchilov & Hutter 2017, algorithm 2, with clipping before it."""
    values = [value.copy() for value in values]
    m, v = [0 * value for value in values], [0 * value for value in values]
    for step, (grads, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        for i, g in enumerate(grads):
            g = g * min(1.0, clip / norm)
            m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g**2
            if decayed[i]:
                values[i] = values[i] - rate * weight_decay * values[i]
            values[i] = values[i] - rate * (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.999**step)) + 1e-8)
    return values


def test_adamw_is_its_formula():
    random = np.random.default_rng(0)
    start = [random.normal(size=(4, 3)), random.normal(size=3)]
    gradients = [[3 * random.normal(size=(4, 3)), random.normal(size=3)] for _ in range(7)]
    variables = [keras.Variable(start[0], name="kernel"), keras.Variable(start[1], name="bias")]
    optimizer = AdamW(0.1, warmup=0.3)
    optimizer.plan(7)
    rates = []
    for grads in gradients:
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([tf.constant(g, tf.float32) for g in grads], variables)
    assert rates[0] == 0.0
    assert max(rates) == pytest.approx(0.1)
    for variable, wanted in zip(variables, numpy_adamw(start, gradients, rates), strict=True):
        np.testing.assert_allclose(variable, wanted, atol=1e-5)


def test_a_token_that_occurs_twice_counts_once_with_the_sum():
    slices = tf.IndexedSlices(tf.constant([[1.0, 0], [2, 0], [0, 5]]), tf.constant([3, 3, 1]), tf.constant([6, 2]))
    dense = tf.convert_to_tensor(slices)
    results = []
    for gradient in (slices, dense):
        variable = keras.Variable(np.ones((6, 2)), name="embeddings")
        optimizer = AdamW(0.1, warmup=0.0)
        optimizer.apply([gradient], [variable])
        results.append(np.asarray(variable))
    np.testing.assert_allclose(*results, atol=1e-7)
    clipped = clip_by_global_norm([without_duplicates(slices)], 1.0)[0]
    assert np.linalg.norm(tf.convert_to_tensor(clipped)) == pytest.approx(1.0)
    np.testing.assert_allclose(tf.convert_to_tensor(clipped), dense / np.linalg.norm(dense), atol=1e-7)


def test_a_user_optimizer_sees_dense_gradients(tiny_checkpoint):
    from tfbert import TextClassifier

    class Spy(keras.optimizers.SGD):
        def apply(self, grads, trainable_variables=None):
            assert not any(isinstance(grad, tf.IndexedSlices) for grad in grads)
            return super().apply(grads, trainable_variables)

    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"])
    model.compile(Spy(0.1))
    model.fit(["order where where", "refund"], ["a", "b"], verbose=0)


def test_settings_survive_saving():
    optimizer = AdamW(3e-5, warmup=0.2, weight_decay=0.1, clip_norm=None)
    again = AdamW.from_config(optimizer.get_config())
    assert (again.peak, again.warmup, again.weight_decay, again.clip_norm) == (3e-5, 0.2, 0.1, None)
    with pytest.raises(ValueError, match="accumulation"):
        AdamW(gradient_accumulation_steps=2)


@pytest.mark.parametrize("size", [7, pytest.param(2, marks=pytest.mark.slow)])
def test_accumulation_changes_nothing(tiny_checkpoint, size):
    """Parts of a batch, even or not, and a batch smaller than the parts."""
    from tfbert import TextClassifier

    texts = ["my parcel is late", "refund", "where is my order", "a", "the card was charged twice", "b b b", "c", "d"]
    weights = []
    for accumulation in (1, 3):
        keras.utils.set_random_seed(0)
        model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"])
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        model.compile(keras.optimizers.SGD(0.5), accumulation=accumulation)
        model.fit(texts[:size], ["a", "b"] * (size // 2) + ["a"] * (size % 2), batch_size=8, epochs=2, verbose=0)
        weights.append([np.asarray(value) for value in model.get_weights()])
    for one, three in zip(*weights, strict=True):
        np.testing.assert_allclose(one, three, atol=2e-6)
