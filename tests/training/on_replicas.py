"""Trains small models under a strategy, for test_replicas.py: its name, port, index, checkpoint, examples, file, cases.

Writes the weights after training as a .npz, CASE/number each, and prints the history as JSON.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from tfbert.training.strategy import strategy_of

name, (port, index), (checkpoint, examples, out) = sys.argv[1], map(int, sys.argv[2:4]), sys.argv[4:7]
if name == "mirrored":
    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
workers = [f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}"] if name == "multi_worker" else ()
strategy = strategy_of(name, workers=workers, worker_index=index)
assert strategy.num_replicas_in_sync == (1 if name == "one_device" else 2)

import tfbert  # noqa: E402 - a multi-worker strategy comes before all else
from tfbert.runs.configs.pretrain import PretrainConfig  # noqa: E402
from tfbert.runs.pretrain_inputs import model_and_batches  # noqa: E402
from tfbert.training.optimizers.lamb import LAMB  # noqa: E402
from tfbert.training.step import seed_states  # noqa: E402

TEXTS = [
    "my parcel is late",
    "refund",
    "where is my order",
    "a",
    "the card was charged twice",
    "b b b",
    "c",
    "d",
    "e f",
]
LABELS = ["late", "money"]
PAIRS = ([*TEXTS[:7]], ["late", "money", "where", "b", "charged", "b b", "cc"])
TARGETS = [LABELS[i % 2] for i in range(len(TEXTS))]


def classifier(optimizer, accumulation, **settings):
    model = tfbert.TextClassifier.from_checkpoint(checkpoint, labels=LABELS, **settings)
    model.compile(optimizer, accumulation=accumulation)
    return model, (TEXTS, TARGETS)


def words(accumulation):
    """Texts of which a replica's part has other numbers of words than the other's."""
    model = tfbert.TokenClassifier.from_checkpoint(checkpoint, labels=["thing"], max_length=6)
    model.compile(tfbert.AdamW(1e-3), accumulation=accumulation)
    return model, (TEXTS, [[[0, len(text), "thing"]] if i % 2 else [] for i, text in enumerate(TEXTS)])


def on_a_dataset():
    """Batches of strings that TensorFlow itself shares out."""
    model, _ = classifier(keras.optimizers.SGD(0.1), 1)
    numbers = [LABELS.index(target) for target in TARGETS]
    return model, (tf.data.Dataset.from_tensor_slices((TEXTS, numbers)).batch(4),)


def pretrainer(task="fill_mask", encoder=None, **compiled):
    encoder = {} if encoder is None else {"encoder": encoder}
    config = PretrainConfig(data=examples, size="tiny", batch_size=8, dev_shards=0, task=task, **encoder)
    model, batches, _ = model_and_batches(config)
    model.compile(LAMB(1e-3), **compiled)
    return model, (batches,)


def replaced_tokens(**compiled):
    return pretrainer("replaced_tokens", {"model_type": "electra", "embedding_size": 64}, **compiled)


def embeddings(accumulation):
    model = tfbert.SentenceEncoder.from_checkpoint(checkpoint, objective="in_batch_negatives")
    model.compile(tfbert.AdamW(1e-3), accumulation=accumulation)
    return model, (PAIRS, None)


# 9 texts in batches of 4: the last batch has one, and leaves a replica without any.
CASES = {
    "sgd": lambda: classifier(keras.optimizers.SGD(0.1, global_clipnorm=0.5), 1),
    "adamw": lambda: classifier(tfbert.AdamW(1e-3, clip_norm=0.5), 2),
    "keras": lambda: classifier(keras.optimizers.AdamW(1e-3), 1),
    "lamb": lambda: classifier(LAMB(1e-3), 1),
    "words": lambda: words(2),
    "windows": lambda: classifier(tfbert.AdamW(1e-3), 2, windows=True, max_length=6, stride=1),
    "negatives": lambda: embeddings(1),
    "cached": lambda: embeddings(2),
    "dataset": on_a_dataset,
    "pretrain": lambda: pretrainer(accumulation=2),
    "replaced_tokens": lambda: replaced_tokens(accumulation=2),
    "replaced_tokens_xla": lambda: replaced_tokens(jit_compile=True),
    "pretrain_xla": lambda: pretrainer(jit_compile=True),
}
weights, history = {}, {}
for case in sys.argv[7].split(","):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model, data = CASES[case]()
    for layer in model._flatten_layers():  # dropout is each replica's own
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    epochs = 17 if case in ("sgd", "adamw") else 4  # of three steps, of nine in pretraining
    sizes = {} if len(data) == 1 else {"batch_size": 4}
    history[case] = model.fit(*data, epochs=epochs, verbose=0, **sizes).history["loss"]
    history[case] += list(model.evaluate(*data, verbose=0, return_dict=True, **sizes).values())
    weights.update({f"{case}/{i}": np.asarray(value) for i, value in enumerate(model.get_weights())})
with strategy.scope():
    layer = tfbert.encoders.layers.Dropout(0.5, seed=1)
masks = strategy.run(tf.function(lambda: layer(tf.ones([64]), training=True)))
weights["masks"] = np.stack(strategy.experimental_local_results(masks))
with strategy.scope():
    model, data = CASES["adamw"]()
model.fit(*data, epochs=1, verbose=0, batch_size=4)
local = [strategy.experimental_local_results(seed.value) for seed in seed_states(model)]
weights["seeds"] = np.stack([np.stack([value.numpy() for value in values]) for values in local])
np.savez(out, **weights)
print(json.dumps(history))
