"""Each private name of Keras that the package uses is still there and does what it did; and no other file uses one."""

import ast
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfbert import AdamW
from tfbert.training.keras_internals import PrivateNames, layers_within, leaves_gradients_unsummed

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "tfbert"


class Small(PrivateNames, keras.Model):
    """One dense layer; `specs` has what it was built from without a batch."""

    from_specs = False

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, kernel_initializer="ones")
        self.specs = []

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)

    @property
    def builds_from_specs(self):
        return self.from_specs

    def build_from_specs(self, specs):
        self.specs.append(specs)
        super().build_from_specs(specs)


@pytest.fixture
def model():
    model = Small()
    model.build((None, 2))
    return model


def renamed(what, owner, name):
    return pytest.fail(f"Keras {keras.__version__} has renamed {owner}.{name}, which is how {what}")


def has(owner, name, what):
    if not hasattr(owner, name):
        renamed(what, type(owner).__name__, name)


def test_a_model_that_was_not_compiled(model):
    has(model, "_assert_compile_called", "`fit` says that compile() was not called")
    with pytest.raises(ValueError, match="compile"):
        model.require_compiled("fit")
    model.compile("sgd", "mse")
    model.require_compiled("fit")


def test_mean_loss(model):
    has(model, "_compute_loss", "the step computes the loss given to compile()")
    model.compile("sgd", "mse")
    x, y, weight = tf.ones([2, 2]), tf.zeros([2, 1]), tf.constant([1.0, 3.0])
    assert float(model.mean_loss(x, y, model(x), None, training=True)) == 4
    assert float(model.mean_loss(x, y, model(x), weight, training=False)) == 8


def test_a_users_own_loss_is_asked_as_keras_asks_it():
    class Own(Small):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):  # as before Keras 3.3
            return tf.reduce_sum(y_pred)

    model = Own()
    model.compile("sgd")
    x = tf.ones([2, 2])
    assert float(model.mean_loss(x, None, model(x), None, training=True)) == 4


def test_running_loss(model):
    model.compile("sgd", "mse")
    has(model, "_loss_tracker", 'the step adds to the logged "loss"')
    model.add_to_running_loss(tf.constant(1.0), tf.constant(1.0))
    model.add_to_running_loss(tf.constant(5.0), tf.constant(3.0))
    assert float(model.get_metrics_result()["loss"]) == 4


def test_building_without_a_batch():
    """`fit` calls the hook once, and with specs the metrics are made from them; the data keep all their batches."""
    has(keras.Model(), "_maybe_symbolic_build", "`fit` builds a model from a batch")
    has(keras.Model(), "_symbolic_build", "`fit` builds a model from specs")
    data = tf.data.Dataset.from_tensors((tf.ones([2, 2]), tf.zeros([2, 1])))
    counted = []
    for from_specs in (False, True):
        with tf.distribute.OneDeviceStrategy("cpu:0").scope():
            model = Small()
            model.from_specs = from_specs
            model.compile("sgd", "mse", metrics=["mae"])
        model.fit(data, verbose=0)
        counted.append(len(model.specs))
        assert model.built and len(model.metrics) == 2
    assert counted == [0, 1]
    assert all(isinstance(part, tf.TensorSpec) for part in tf.nest.flatten(model.specs))


def test_what_adam_keeps_of_a_variable():
    variables = [keras.Variable(np.ones(2), name=name) for name in ("kernel", "bias")]
    optimizer = AdamW(0.1, warmup=0.0, clip_norm=None)
    optimizer.build(variables)
    for name in ("_get_variable_index", "_momentums", "_velocities", "_use_weight_decay", "_apply_weight_decay"):
        has(optimizer, name, "AdamW updates a variable")
    optimizer.apply([tf.constant([1.0, 2.0]), tf.constant([0.0, 0.0])], variables)
    mean, square = optimizer.moments_of(variables[0])
    np.testing.assert_allclose(mean, [0.1, 0.2], rtol=1e-5)
    np.testing.assert_allclose(square, [0.001, 0.004], rtol=1e-4)
    assert [bool(optimizer.is_decayed(variable)) for variable in variables] == [True, False]


def test_keras_own_pass_of_decay_stays_off():
    """Twice the decay, were the name another: the gradient of zeros leaves the decay alone."""
    variable = keras.Variable(np.ones(2), name="kernel")
    optimizer = AdamW(0.1, weight_decay=0.5, warmup=0.0)
    optimizer.apply([tf.zeros(2)], [variable])
    np.testing.assert_allclose(variable, 1 - 0.1 * 0.5, rtol=1e-6)


def test_a_schedule_takes_the_place_of_a_rate():
    optimizer = AdamW(0.1)
    has(optimizer, "_learning_rate", "a schedule replaces a learning rate")
    assert isinstance(optimizer.schedule, keras.Variable)
    before = len(optimizer.variables)
    optimizer.set_schedule(keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.5, 0.25]))
    assert float(optimizer.learning_rate) == 0.5
    assert len(optimizer.variables) == before  # checkpoints have the rate's variable all the same


def test_gradients_are_left_as_they_are():
    inner = keras.optimizers.SGD(1.0)
    has(inner, "_all_reduce_sum_gradients", "gradients are summed over replicas once")
    calls = []
    inner._all_reduce_sum_gradients = calls.append
    leaves_gradients_unsummed(keras.optimizers.LossScaleOptimizer(inner))
    variable = keras.Variable(np.ones(2))
    inner.apply([tf.ones(2)], [variable])
    assert not calls
    np.testing.assert_array_equal(variable, [0, 0])


def test_layers_within_a_layer():
    inner, outer = keras.layers.Dense(2), keras.layers.Dropout(0.1)
    model = keras.Sequential([keras.Sequential([inner]), outer])
    assert {id(model), id(inner), id(outer)} <= {id(layer) for layer in layers_within(model)}


def test_a_loss_of_all_outputs():
    """Keras does not ask for a loss of each output, nor keep the one of an earlier `compile`."""
    inputs = keras.Input((2,))

    class Two(PrivateNames, keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return self.loss(y, y_pred)

    model = Two(inputs, {name: keras.layers.Dense(1, name=name)(inputs) for name in ("one", "two")})
    model.compile("sgd", {"one": "mse", "two": "mse"})
    has(model, "_compile_loss", "Keras is kept from a loss of each output")
    model.compile("sgd")
    model.set_loss_of_all_outputs(lambda y, outputs: tf.reduce_mean(outputs["one"] + outputs["two"] - y))
    before = model.get_weights()
    model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)
    assert all(np.abs(a - b).max() > 0 for a, b in zip(before, model.get_weights(), strict=True))


# no other file


def private_names():
    """All private names of Keras' models, layers, optimizers and the like."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    model.compile(keras.optimizers.AdamW(), "mse", metrics=["mae"])
    model.fit(np.ones((2, 2)), np.ones((2, 3)), verbose=0)
    objects = [
        *(model, *model.layers, model.optimizer, *model.metrics, model.layers[0].kernel, keras.layers.Embedding(2, 2)),
        *(
            keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()),
            keras.losses.MeanSquaredError(),
            keras.callbacks.Callback(),
        ),
        *(keras.callbacks.CallbackList([]), keras.optimizers.schedules.ExponentialDecay(1.0, 1, 1.0)),
    ]
    return {name for one in objects for name in dir(one) if name.startswith("_") and not name.startswith("__")}


def keras_classes(trees):
    """Names of the package's classes that inherit from Keras, and of their mixins."""
    bases = {
        node.name: [ast.unparse(base) for base in node.bases]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = set()
    while True:
        more = {
            name
            for name, own in bases.items()
            if any(base.startswith("keras.") or base.rpartition(".")[2] in found for base in own)
        }
        more |= {base.rpartition(".")[2] for name in more for base in bases[name]} & bases.keys()
        if more == found:
            return found
        found = more


def uses(tree, names, classes):
    """(line, name) of each private name of Keras: of any object but `self`, and of `self` within Keras' classes."""
    own = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for inner in ast.walk(node):
                own[inner] = node.name
    for node in ast.walk(tree):
        in_keras_class = own.get(node) in classes
        if isinstance(node, ast.Attribute) and node.attr in names:
            if in_keras_class or ast.unparse(node.value) not in ("self", "cls"):
                yield node.lineno, node.attr
        if isinstance(node, ast.FunctionDef) and node.name in names and in_keras_class:
            yield node.lineno, node.name


def test_no_other_file_uses_a_private_name():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    names, classes = private_names(), keras_classes(trees)
    assert {"TextClassifier", "AdamW", "BertEncoder", "PrivateNames"} <= classes
    found = {path: list(uses(tree, names, classes)) for path, tree in trees.items()}
    here = found.pop(PACKAGE / "training/keras_internals.py")
    assert len({name for _, name in here}) == 14
    elsewhere = [f"{path}:{line} {name}" for path, uses_of in found.items() for line, name in uses_of]
    assert not elsewhere, "private names of Keras belong in training/keras_internals.py: " + ", ".join(elsewhere)
