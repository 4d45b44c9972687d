"""A model that is gone leaves nothing behind: TensorFlow keeps some functions for ever, with all that they hold."""

import gc
import weakref

import pytest
from tensorflow.python.framework.func_graph import FuncGraph

import tfbert

TEXTS, LABELS = ["where is my order", "refund my order"] * 2, ["order_status", "refund"] * 2


def predict(model, path):
    model.predict(TEXTS, verbose=0)


def fit(model, path):
    model.compile(tfbert.AdamW(1e-3))
    model.fit(TEXTS, LABELS, epochs=1, batch_size=2, verbose=0)
    model.evaluate(TEXTS, LABELS, verbose=0)


def export(model, path):
    model.export(path)


def graphs():
    gc.collect()
    return {id(found) for found in gc.get_objects() if isinstance(found, FuncGraph)}


@pytest.mark.parametrize("use", [predict, fit, export])
def test_a_model_that_is_gone(tiny_checkpoint, tmp_path, use):
    def used(number):
        model = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["order_status", "refund"])
        use(model, str(tmp_path / str(number)))
        return weakref.ref(model)

    used(1)  # what the package itself keeps, such as the graphs of a tokenizer
    before = graphs()
    model = used(2)
    after = graphs()
    assert model() is None
    assert not after - before
