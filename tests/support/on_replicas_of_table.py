"""Trains rows of TASKS under a strategy: its name, a checkpoint, a file to write, and the rows' names."""

import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

strategy_name, checkpoint, out, *names = sys.argv[1:]
if strategy_name == "mirrored":
    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from models import settings_of  # noqa: E402
from table import TASKS  # noqa: E402

from tfbert.data import Table  # noqa: E402
from tfbert.models import model_class  # noqa: E402
from tfbert.training.strategy import strategy_of  # noqa: E402

strategy = strategy_of(strategy_name)
assert strategy.num_replicas_in_sync == (2 if strategy_name == "mirrored" else 1)
found = {}
for name in names:
    row = TASKS[name]
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = model_class(row.task).from_checkpoint(checkpoint, **settings_of(row))
        # Not AdamW: it turns the roundings of gradients near 0 into steps.
        model.compile(keras.optimizers.SGD(0.05, global_clipnorm=1.0))
    for layer in model._flatten_layers():  # dropout is each replica's own
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    table = Table.from_columns(row.columns)
    found[f"{name}/losses"] = model.fit(table, batch_size=5, epochs=3, shuffle=False, verbose=0).history["loss"]
    values = model.evaluate(table, batch_size=5, return_dict=True, verbose=0)
    found[f"{name}/metrics"] = np.nan_to_num(list(values.values()))
    found.update({f"{name}/{i}": np.asarray(value) for i, value in enumerate(model.get_weights())})
np.savez(out, **found)
