"""Tokenize: strings into a functional Keras model that trains, saves and exports whole."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert

TEXTS = ["where is my parcel", "i want my money back", "", "cancel my order please"]
LABELS = np.array([0, 1, 0, 1])


@pytest.fixture(scope="module")
def tokenizer(tiny_checkpoint):
    return tfbert.Tokenizer.from_checkpoint(tiny_checkpoint)


@pytest.fixture(scope="module")
def model(tiny_checkpoint, tokenizer):
    keras.utils.set_random_seed(3)
    encoder = tfbert.Encoder.from_checkpoint(tiny_checkpoint)
    text = keras.Input((), dtype="string", name="text")
    vector = encoder(tfbert.layers.Tokenize(tokenizer, max_length=16)(text))["pooled_output"]
    made = keras.Model(text, keras.layers.Dense(2)(vector))
    made.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return made


def test_gives_what_the_tokenizer_gives(tokenizer):
    wanted = tokenizer(TEXTS, max_length=8)
    found = tfbert.layers.Tokenize(tokenizer, max_length=8)(tf.constant(TEXTS))
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value)


def test_pairs(tokenizer):
    first, second = keras.Input((), dtype="string"), keras.Input((), dtype="string")
    model = keras.Model([first, second], tfbert.layers.Tokenize(tokenizer)(first, second))
    found = model([tf.constant(["my order"]), tf.constant(["refund"])])
    np.testing.assert_array_equal(found["token_ids"], tokenizer(["my order"], ["refund"])["token_ids"])
    assert found["segment_ids"].numpy().max() == 1


@pytest.mark.parametrize("kind", ["constant", "objects", "dataset"])
def test_trains(kind, model):
    given = {
        "constant": lambda: {"x": tf.constant(TEXTS), "y": tf.constant(LABELS)},
        "objects": lambda: {"x": np.array(TEXTS, object), "y": LABELS},
        "dataset": lambda: {"x": tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(2)},
    }[kind]()
    losses = model.fit(**given, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_saves_and_exports(model, tmp_path):
    wanted = model.predict(tf.constant(TEXTS), verbose=0)
    model.save(tmp_path / "mine.keras")
    again = keras.models.load_model(tmp_path / "mine.keras")
    np.testing.assert_array_equal(again.predict(tf.constant(TEXTS), verbose=0), wanted)
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))  # held, as its variables go with it
    np.testing.assert_allclose(served.serve(tf.constant(TEXTS)), wanted, rtol=0, atol=1e-6)


def test_wrong_inputs(tokenizer):
    with pytest.raises(ValueError, match=r"must have the shape \[batch\].*use keras.Input\(\(\)\)"):
        tfbert.layers.Tokenize(tokenizer)(keras.Input((1,), dtype="string"))
