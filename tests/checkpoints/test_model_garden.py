"""Model Garden's checkpoints, as objects of its layout; tests/reference compares with the library itself."""

import numpy as np
import pytest
import tensorflow as tf

from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.formats import model_garden
from tfbert.checkpoints.weights import rows_to_write, stored_value
from tfbert.errors import CheckpointError


def objects(source, numbered=False):
    """Trackable objects that hold an encoder's weights, under the names of attributes or of numbered layers."""
    root = tf.Module()
    layers, table = model_garden.numbered_layers(source.config), source.family.forms[model_garden.NAME].table
    for row, shape in rows_to_write(source, (*table.encoder, *table.pooler[2:])):
        path = row.tensor.removeprefix("encoder/")
        if numbered:
            name = next(name for name in layers if path.startswith(f"{name}/"))
            path = layers[name] + path.removeprefix(name)
        *parents, last = path.split("/")
        held = root
        for name in parents:
            if name not in held.__dict__:
                setattr(held, name, tf.Module())
            held = getattr(held, name)
        setattr(held, last, tf.Variable(stored_value(source, row, shape)))
    return root


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("name", ["encoder", "model", "root"])
def test_wherever_the_encoder_hangs(name, numbered, network, tmp_path):
    source = network(())
    convert(source, "model_garden", tmp_path)
    for path in tmp_path.glob("bert_model.ckpt*"):
        path.unlink()
    encoder = objects(source, numbered)
    checkpoint = tf.train.Checkpoint(encoder) if name == "root" else tf.train.Checkpoint(**{name: encoder})
    checkpoint.save(str(tmp_path / "bert_model.ckpt"))
    again = open_checkpoint(tmp_path)
    assert set(again.shapes) == set(source.shapes)
    for variable in source.shapes:
        np.testing.assert_array_equal(again.value(variable), source.value(variable), err_msg=variable)


@pytest.mark.parametrize("numbered", [True, False])
def test_what_is_written_restores_into_such_objects(numbered, network, tmp_path):
    source = network(())
    convert(source, "model_garden", tmp_path)
    encoder = objects(source, numbered)
    wanted = [variable.numpy() for variable in encoder.variables]
    for variable in encoder.variables:
        variable.assign(tf.zeros_like(variable))
    status = tf.train.Checkpoint(encoder=encoder).read(str(tmp_path / "bert_model.ckpt"))
    status.assert_existing_objects_matched()
    for variable, value in zip(encoder.variables, wanted, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_objects_without_an_encoder_are_named(network, tmp_path):
    convert(network(()), "model_garden", tmp_path)
    for path in tmp_path.glob("bert_model.ckpt*"):
        path.unlink()
    variables = {f"a{i}": tf.Variable([1.0]) for i in range(5)}
    tf.train.Checkpoint(**variables).write(str(tmp_path / "bert_model.ckpt"))
    with pytest.raises(CheckpointError, match="its objects lead to no encoder of BERT"):
        open_checkpoint(tmp_path)
