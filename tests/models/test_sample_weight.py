"""Weights of rows in the loss, as Keras' `sample_weight`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfbert import TextClassifier, TokenClassifier

LABELS = ["order_status", "refund"]
TEXTS = ["where is my parcel", "refund please", "i want my money back, all of it", "where", "the parcel is a refund"]
NAMES = ["order_status", "refund", "refund", "order_status", "refund"]
WEIGHTS = [1.0, 0.0, 2.5, 0.25, 3.0]


def loss(model, texts=TEXTS, names=NAMES, **kwargs):
    return model.evaluate(texts, names, return_dict=True, **kwargs)["loss"]


def after_a_step(checkpoint, x, y=None, *, accumulation=1, **kwargs):
    keras.utils.set_random_seed(0)
    model = TextClassifier.from_checkpoint(checkpoint, labels=LABELS)
    for layer in model._flatten_layers():  # dropout differs from part to part
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    model.compile(keras.optimizers.SGD(1.0), accumulation=accumulation)
    history = model.fit(x, y, shuffle=False, verbose=0, **kwargs).history
    return model.get_weights(), history["loss"]


def test_an_evaluation_weighs_each_row(model):
    of_rows = [loss(model, [text], [name]) for text, name in zip(TEXTS, NAMES, strict=True)]
    wanted = np.mean(np.multiply(WEIGHTS, of_rows))
    assert loss(model, sample_weight=WEIGHTS, batch_size=2) == pytest.approx(wanted, rel=1e-5)
    history = model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES, WEIGHTS), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(loss(model, sample_weight=WEIGHTS), rel=1e-5)
    assert history["val_loss"][0] != pytest.approx(loss(model), rel=1e-3)


def test_a_step_is_that_of_keras_on_a_dataset(tiny_checkpoint):
    numbers = [LABELS.index(name) for name in NAMES]
    rows = tf.data.Dataset.from_tensor_slices((TEXTS, numbers, WEIGHTS)).batch(5)
    wanted, wanted_loss = after_a_step(tiny_checkpoint, rows)
    unweighted, _ = after_a_step(tiny_checkpoint, TEXTS, NAMES)
    assert max(np.abs(a - b).max() for a, b in zip(wanted, unweighted, strict=True)) > 1e-2
    for accumulation in (1, 2):
        weights = np.array(WEIGHTS)
        found, found_loss = after_a_step(
            tiny_checkpoint, TEXTS, NAMES, sample_weight=weights, accumulation=accumulation
        )
        assert found_loss == pytest.approx(wanted_loss, rel=1e-5)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_it_multiplies_the_weights_of_classes(tiny_checkpoint):
    of_classes = {0: 2.0, 1: 0.5}
    joined = [of_classes[LABELS.index(name)] * weight for name, weight in zip(NAMES, WEIGHTS, strict=True)]
    wanted, _ = after_a_step(tiny_checkpoint, TEXTS, NAMES, sample_weight=joined)
    found, _ = after_a_step(tiny_checkpoint, TEXTS, NAMES, sample_weight=WEIGHTS, class_weight=of_classes)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_all_windows_of_a_text_have_its_weight(tiny_checkpoint):
    settings = {"labels": LABELS, "max_length": 16, "windows": True, "stride": 4}
    model = TextClassifier.from_checkpoint(tiny_checkpoint, **settings)
    model.compile()
    texts, names = ["my order is the parcel " * 20, "refund"], LABELS
    parts = [loss(model, texts, names, sample_weight=weight) for weight in ([1, 0], [0, 1])]
    assert sum(parts) == pytest.approx(loss(model, texts, names), rel=1e-5)
    windows = len(model.task.features({"text": tf.constant(texts)})["rows"])
    assert windows > 5
    assert parts[1] * windows == pytest.approx(loss(model, texts[1:], names[1:]), rel=1e-5)


def test_what_is_no_weight_of_each_row_is_refused(model, tiny_checkpoint):
    with pytest.raises(ValueError, match=r"one number for each of the 5 rows, not shape \(4,\)"):
        model.fit(TEXTS, NAMES, sample_weight=[1.0] * 4, verbose=0)
    with pytest.raises(ValueError, match="sample_weight of row 2 is nan"):
        model.fit(TEXTS, NAMES, sample_weight=[1, 1, float("nan"), 1, 1], verbose=0)
    rows = tf.data.Dataset.from_tensor_slices((TEXTS, [0, 1, 1, 0, 1])).batch(5)
    with pytest.raises(TypeError, match="a data set brings its sample weights along"):
        model.fit(rows, sample_weight=WEIGHTS, verbose=0)
    with pytest.raises(ValueError, match=r"validation_data is \(x, y\) or \(x, y, sample_weight\), not 4 values"):
        model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES, WEIGHTS, None), verbose=0)
    tagger = TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["thing"])
    tagger.compile()
    with pytest.raises(TypeError, match="the rows of token_classification have no weights in its loss"):
        tagger.fit(["a refund"], [[[2, 8, "thing"]]], sample_weight=[1.0], verbose=0)
