"""Labels that a Keras user gives: numbers, rows with one 1, none, unknown ones; and weights that balance them."""

import numpy as np
import pytest
import sklearn.utils.class_weight
import tensorflow as tf

import tfbert
from tfbert import TextClassifier
from tfbert.data import Table
from tfbert.errors import ConfigError, DataError

TEXTS = ["where is my parcel", "where is my order", "refund please", "i want my money back"] * 2
NAMES = ["order_status", "order_status", "order_status", "refund"] * 2
NUMBERS = np.array([0, 0, 0, 1] * 2)


def test_labels_as_arrays(model):
    wanted = model.evaluate(TEXTS, NAMES, return_dict=True, verbose=0)
    for y in (NUMBERS, NUMBERS[:, None], np.eye(2)[NUMBERS], NUMBERS.astype(float), tf.constant(NUMBERS)):
        assert model.evaluate(TEXTS, y, return_dict=True, verbose=0) == wanted


def test_numbers_as_labels_of_a_checkpoint(tiny_checkpoint):
    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=[0, 1])
    model.compile()
    model.evaluate(TEXTS, NUMBERS, verbose=0)
    assert model.predict(TEXTS[:1])[0]["label"] in ("0", "1")


def test_balanced_weights_are_those_of_the_data_that_fit_reads(tiny_checkpoint, tmp_path):
    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["order_status", "refund"], class_weights="balanced")
    model.compile()
    data = tf.data.Dataset.from_tensor_slices((TEXTS, NUMBERS)).batch(4)
    with pytest.raises(ConfigError, match="class_weights='balanced' become numbers when fit reads labels from a Table"):
        model.fit(data, verbose=0)
    model.fit(Table.from_columns({"text": TEXTS, "label": NAMES}), verbose=0)
    wanted = sklearn.utils.class_weight.compute_class_weight("balanced", classes=np.arange(2), y=NUMBERS)
    np.testing.assert_allclose(model.task.class_weights, wanted)
    np.testing.assert_allclose(model.loss.class_weights, wanted)
    model.save(tmp_path / "saved")
    again = tfbert.load(tmp_path / "saved")
    assert again.task.class_weights == model.task.class_weights
    again.compile()
    again.fit(data, verbose=0)  # the weights are known


def test_rows_without_a_label_are_left_out_of_fit_and_evaluate(model):
    some, labels = [*TEXTS, "what is this"], [*NAMES, None]
    assert model.evaluate(some, labels, return_dict=True, verbose=0) == model.evaluate(
        TEXTS, NAMES, return_dict=True, verbose=0
    )
    with pytest.raises(ValueError, match="sample_weight has 9 numbers, but 8 rows have a label"):
        model.fit(some, labels, sample_weight=np.ones(9), verbose=0)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("mixed_float16", marks=pytest.mark.slow)])
def test_an_unknown_label_counts_as_wrong_and_has_no_loss(tiny_checkpoint, dtype):
    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["order_status", "refund"], dtype=dtype)
    model.compile(metrics=["accuracy"])
    unknown = [*NAMES[:-1], "complaint"]
    of_keras = model.evaluate(TEXTS, unknown, return_dict=True, verbose=0)
    model.compile()
    known = model.evaluate(TEXTS, NAMES, return_dict=True, verbose=0)
    values = model.evaluate(TEXTS, unknown, return_dict=True, verbose=0)
    alone = model.evaluate(TEXTS[-1:], NAMES[-1:], return_dict=True, verbose=0)
    assert values["loss"] == pytest.approx(known["loss"] - alone["loss"] / 8, rel=1e-3)
    assert values["accuracy"] == of_keras["accuracy"] == known["accuracy"] - alone["accuracy"] / 8
    with pytest.raises(DataError, match="row 7: unknown label 'complaint'"):
        model.fit(TEXTS, unknown, verbose=0)


def test_a_dataset_of_rows_with_one_1_is_refused_with_the_remedy(model):
    data = tf.data.Dataset.from_tensor_slices((TEXTS, np.eye(2)[NUMBERS])).batch(4)
    with pytest.raises(ValueError, match=r"problem=single_label takes the number of a class .*tf.argmax\(y, -1\)"):
        model.fit(data, verbose=0)
