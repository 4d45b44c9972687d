"""TaskModel as a Keras model: what compile, fit and evaluate are given."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import TextClassifier, TokenClassifier

TEXTS = ["where is my parcel", "refund please", "i want my money back, all of it", "where"]
LABELS = ["order_status", "refund"]
NAMES = ["order_status", "refund", "refund", "order_status"]
SPANS = [[[12, 18, "thing"]], [[0, 6, "thing"]], [[10, 15, "thing"]], []]


def without_dropout(model):
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return model


def loaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


def test_the_loss_of_the_task_is_so_in_a_loaded_keras_file(tiny_checkpoint, tmp_path):
    """It weighs tags, not texts, in an evaluation and in the parts of a step."""
    keras.utils.set_random_seed(0)
    model = without_dropout(TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["thing"]))
    model.compile(keras.optimizers.SGD(1.0), accumulation=3)
    models = [model, without_dropout(loaded(model, tmp_path))]
    before, after = [each.evaluate(TEXTS, SPANS, batch_size=2, return_dict=True) for each in models]
    assert after == pytest.approx(before)
    for each in models:
        each.fit(TEXTS, SPANS, batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(*(each.get_weights() for each in models), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_metrics_of_the_task_and_of_the_user_survive_a_keras_file(model, tmp_path):
    wanted = model.evaluate(TEXTS, NAMES, return_dict=True)
    assert loaded(model, tmp_path).evaluate(TEXTS, NAMES, return_dict=True) == pytest.approx(wanted)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="mine")],
    )
    again = loaded(model, tmp_path)
    assert isinstance(again.loss, keras.losses.SparseCategoricalCrossentropy)
    wanted = model.evaluate(TEXTS, NAMES, return_dict=True)
    assert set(wanted) == {"loss", "mine"}
    assert again.evaluate(TEXTS, NAMES, return_dict=True) == pytest.approx(wanted)


def rates_of(model, data, **kwargs):
    """The learning rate after each step of a `fit`."""
    rates = []
    spy = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    model.fit(data, callbacks=[spy], verbose=0, **kwargs)
    return rates


def test_data_of_unknown_size_are_trained_on_at_the_peak_rate(model):
    known = tf.data.Dataset.from_tensor_slices((TEXTS, [LABELS.index(name) for name in NAMES])).batch(2)
    unknown = known.filter(lambda x, y: True)
    before = [np.array(value) for value in model.trainable_variables]
    for _ in range(2):  # the first time, and after a schedule that has come to 0
        with pytest.warns(UserWarning, match="stays at its peak of 0.005.*give steps_per_epoch or total_steps"):
            assert rates_of(model, unknown, epochs=2) == pytest.approx([5e-3] * 4)
        after = [np.array(value) for value in model.trainable_variables]
        assert max(np.abs(a - b).max() for a, b in zip(before, after, strict=True)) > 1e-3
        before = after
        planned = rates_of(model, known, epochs=2)
        assert len(set(planned)) == 4
    assert rates_of(model, unknown.repeat(), epochs=2, steps_per_epoch=2) == pytest.approx(planned)


def test_a_further_fit_has_a_schedule_of_its_own_and_traces_nothing_anew(tiny_checkpoint):
    traces, weights = [], []

    class Counted(TextClassifier):
        def train_step(self, data):
            traces[-1] += 1
            return super().train_step(data)

    for anew in (False, True):
        traces.append(0)
        keras.utils.set_random_seed(0)
        model = without_dropout(Counted.from_checkpoint(tiny_checkpoint, labels=LABELS))
        model.compile(tfbert.AdamW(5e-3))
        rates = rates_of(model, TEXTS, y=NAMES, batch_size=1)
        if anew:
            model.make_train_function(force=True)
        assert rates_of(model, TEXTS, y=NAMES, batch_size=1, epochs=2) != rates * 2
        weights.append(model.get_weights())
    assert traces == [1, 2]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_arguments_that_strings_do_not_take_are_refused(model):
    with pytest.raises(TypeError, match="evaluate on a Table or lists of strings takes no steps"):
        model.evaluate(TEXTS, NAMES, steps=1)
    with pytest.raises(TypeError, match="predict on a Table or lists of strings takes no nonsense, steps"):
        model.predict(TEXTS, nonsense=1, steps=2)
    assert len(model.predict(TEXTS, steps=None)) == 4  # as Keras' own default


def test_validation_ends_after_its_steps(model):
    rows = tf.data.Dataset.from_tensor_slices((TEXTS, [LABELS.index(name) for name in NAMES])).batch(2)
    history = model.fit(TEXTS, NAMES, validation_data=rows.repeat(), validation_steps=3, verbose=0).history
    wanted = model.evaluate(rows.repeat().take(3), return_dict=True, verbose=0)
    assert {name: history[f"val_{name}"][-1] for name in wanted} == pytest.approx(wanted)
    with pytest.raises(TypeError, match="fit on a Table or lists of strings takes no validation_steps"):
        model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES), validation_steps=3, verbose=0)


def test_the_last_rows_are_validated_on(model):
    texts, names, weights = TEXTS * 3, NAMES * 3, np.arange(12.0)
    given = {"sample_weight": weights, "batch_size": 4, "verbose": 0}
    history = model.fit(texts, names, validation_split=0.3, **given).history
    assert model.optimizer.iterations == 2  # of 8 rows
    wanted = model.evaluate(texts[8:], names[8:], sample_weight=weights[8:], return_dict=True, verbose=0)
    assert {name: history[f"val_{name}"][0] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ValueError, match="validation_split=0.99 of 12 rows leaves none"):
        model.fit(texts, names, validation_split=0.99, **given)
    rows = tf.data.Dataset.from_tensor_slices((TEXTS, [0, 1, 1, 0])).batch(2)
    with pytest.raises(TypeError, match="validation_split takes a Table or lists of strings, not _BatchDataset"):
        model.fit(rows, validation_split=0.5, verbose=0)


def test_what_keras_passes_on_takes_features(model):
    numbers = np.array([LABELS.index(name) for name in NAMES])
    calls = [
        lambda x: model(x),
        lambda x: model.predict_on_batch(x),
        lambda x: model.test_on_batch(x, numbers),
        lambda x: model.train_on_batch(x, numbers),
    ]
    features = model.task.features({"text": tf.constant(TEXTS)})
    for call in calls:
        for texts in (TEXTS, tf.constant(TEXTS)):
            with pytest.raises(TypeError, match="take features, as model.task.features makes them"):
                call(texts)
        assert np.isfinite(call(features)).all()


def test_a_model_that_was_not_compiled_says_so(tiny_checkpoint):
    model = TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["thing"])
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="compile"):
            method(TEXTS, SPANS)
