"""A prediction is that of the network as it is, whatever a user has changed since the last one."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert.training.graph_state import GraphState

TEXTS = ["where is my parcel", "refund please, all of my money", "late"]
LABELS = ["a", "b", "a"]


@pytest.fixture
def network():
    inputs = keras.Input((4,))
    inner = keras.Sequential([keras.layers.Dense(3, name="dense"), keras.layers.LayerNormalization()], name="inner")
    return keras.Model(inputs, keras.layers.Dropout(0.5, name="dropout")(inner(inputs)))


def set_attribute(path, name, value):
    def change(network):
        layer = network.get_layer("inner").layers[path] if isinstance(path, int) else network.get_layer(path)
        setattr(layer, name, value)

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.get_layer("inner").layers[0].quantize("int8"),
        lambda network: network.get_layer("inner").layers[0].enable_lora(2),
        set_attribute(0, "activation", keras.activations.tanh),
        set_attribute(0, "dtype_policy", keras.DTypePolicy("mixed_bfloat16")),
        set_attribute(1, "epsilon", 0.5),
        set_attribute("dropout", "rate", 0.1),
        lambda network: network.get_layer("inner").pop(),
        lambda network: network.get_layer("inner").add(keras.layers.Activation("tanh")),
    ],
)
def test_a_change_of_the_network_is_seen(network, change):
    before = GraphState(network)
    assert GraphState(network) == before
    change(network)
    assert GraphState(network) != before
    assert GraphState(keras.models.clone_model(network)) != GraphState(network)


def test_values_and_training_are_no_change(network):
    before = GraphState(network)
    network(np.ones([2, 4]), training=True)
    network.set_weights([value + 1 for value in network.get_weights()])
    network.trainable = False
    network(np.ones([3, 4]), training=False)
    assert GraphState(network) == before


@pytest.fixture
def model(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"])
    model.set_weights([5 * value if value.ndim > 1 else value for value in model.get_weights()])
    model.compile()
    return model


def set_weights(model):
    model.set_weights([2 * value for value in model.get_weights()])


def set_the_task(model):
    model.task = dataclasses.replace(model.task, max_length=4)


def set_the_head(model):
    model.network = model.task.head(model.encoder)


def quantize(model):
    model.quantize("int8")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning")
def test_no_graph_is_stale(model):
    def scores():
        return [row["probabilities"]["a"] for row in model.predict(TEXTS)]

    def features():
        return model.task.features({"text": tf.constant(TEXTS)})

    before = scores()
    model.predict(features(), verbose=0)
    model.evaluate(TEXTS, LABELS, verbose=0)
    for change in (set_weights, set_the_task, set_the_head, quantize):
        change(model)
        outputs = model(features(), training=False)
        found = scores()
        assert found != before, change.__name__  # a stale graph gives the very same numbers
        np.testing.assert_allclose(found, tf.nn.softmax(outputs)[:, 0], atol=2e-3, err_msg=change.__name__)
        before = found
    np.testing.assert_allclose(model.predict(features(), verbose=0), outputs, atol=1e-2)
    wanted = -np.mean(np.log(np.abs(np.subtract([0, 1, 0], found))))
    assert model.evaluate(TEXTS, LABELS, return_dict=True, verbose=0)["loss"] == pytest.approx(wanted, rel=1e-2)


def test_a_graph_is_kept_while_nothing_changes(model):
    model.predict(TEXTS)
    function = model.traced("answer", model.answer)
    model.fit(TEXTS, LABELS, verbose=0)
    model.encoder.trainable = False
    model.evaluate(TEXTS, LABELS, verbose=0)
    assert model.traced("answer", model.answer) is function
