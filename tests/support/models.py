"""Models of the rows of `table`, small enough to be made in seconds."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tiny
from table import FAMILIES, TASKS, TaskRow

import tfbert
from tfbert import models
from tfbert.data import Table, columns
from tfbert.encoders import families
from tfbert.tasks.golden_texts import array


def settings_of(row: TaskRow) -> dict[str, Any]:
    """The row's settings with those that its training table asks for."""
    task_class = models.model_class(row.task).task_class
    return task_class.settings_for(Table.from_columns(row.columns), **row.settings) if row.columns else row.settings


def model_of(name: str, checkpoint: pathlib.Path) -> Any:
    """The model of a row of TASKS, sure of its answers."""
    row = TASKS[name]
    keras.utils.set_random_seed(3)
    return sharpened(models.model_class(row.task).from_checkpoint(checkpoint, **settings_of(row)))


def sharpened(model: Any) -> Any:
    """The model, sure of its answers.

    Untrained, all texts look alike and all labels are as likely: here words differ more, and no label is the usual one.
    """
    embedding = model.encoder.token_embedding.embeddings
    embedding.assign(embedding * 20)
    for block in model.encoder.blocks:
        for layer in (block.attention.value, block.attention.output_dense):
            layer.kernel.assign(layer.kernel * 10)
    inputs = model.task.golden_inputs("serving_default")
    features = model.task.features({name: tf.constant(values) for name, values in inputs.items()})
    for head in model.task.checkpoint_heads:
        layer = model.network.get_layer(head)
        if model.task.name == "fill_mask":  # the token embedding above makes its logits differ
            continue
        if head == "tag_transitions":
            layer.transitions.assign(keras.random.normal(layer.transitions.shape, stddev=0.02, seed=0))
            continue
        layer = getattr(layer, "score", layer)
        layer.kernel.assign(layer.kernel * 50)
        named = model.task.named(model(features, training=False))
        outputs = np.asarray(named.get(head, next(iter(named.values()))))
        outputs = outputs if layer.bias.shape[0] > 1 else outputs[..., None]
        outputs = outputs.reshape(-1, layer.bias.shape[0])
        layer.bias.assign(-np.mean(outputs, axis=0, where=np.abs(outputs) < 1e8))
    return model


def arrays(values: dict[str, list], signature: dict[str, tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Rows as the dense arrays that a signature takes."""
    return {name: array(values[name], spec) for name, spec in signature.items()}


def without_rows(signature: dict[str, tf.TensorSpec]) -> dict[str, np.ndarray]:
    """An empty request."""
    return {
        name: np.zeros([size or 0 for size in spec.shape], object if spec.dtype == tf.string else "int32")
        for name, spec in signature.items()
    }


def hard_rows(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A request of three rows that are all "", of which then one is huge and one is not UTF-8; numbers stay."""

    def column(values):
        if values.dtype != object:
            return values[:3]
        rows = np.full((3, *values.shape[1:]), b"", object)
        rows[1], rows[2] = b"where is my order " * 200, b"\xff\xfe refund \xc3"
        return rows

    return {name: column(values) for name, values in inputs.items()}


def example_of(questions: dict[str, list]) -> dict[str, Any]:
    """Questions as `task.features` takes them."""
    return {name: columns.tensor(values) for name, values in questions.items()}


def network_of(model_type: str, layers: int = 1, **changes: Any) -> Any:
    """The encoder of a row of FAMILIES, with random weights none of which is 0 or 1."""
    row = FAMILIES[model_type]
    values = {**tiny.config(layers).to_dict(), **row.sizes, **changes}
    config_class = families.family(model_type).config
    known = config_class.__dataclass_fields__
    keras.utils.set_random_seed(7)
    encoder = families.encoder_of(config_class(**{k: v for k, v in values.items() if k in known}), name="encoder")
    encoder.build()
    for i, variable in enumerate(encoder.weights):
        variable.assign(variable + 0.1 * np.random.default_rng(i).normal(size=variable.shape))
    return encoder


def write_checkpoint(folder: pathlib.Path, encoder: Any, tokenizer: Any = None) -> pathlib.Path:
    """A Hugging Face folder of an encoder and a tokenizer, that of the tiny vocabulary unless given."""
    encoder.save(folder)
    (tokenizer or tfbert.Tokenizer(tfbert.text.Vocabulary(tiny.tokens()))).save(folder)
    return folder


def network_for(model_type: str, tokenizer: Any, layers: int = 2) -> Any:
    """As `network_of`, for the vocabulary and the padding of a tokenizer."""
    sizes = {"vocab_size": len(tokenizer.vocabulary), "pad_token_id": tokenizer.padding_id}
    return network_of(model_type, layers, **sizes)
