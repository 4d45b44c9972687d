"""The network alone under XLA, at few shapes. W rows, S sequence; their buckets are W' and S'.

XLA compiles anew for each shape, about a second each. The tokenizer is strings, which XLA does not have, and the
answers are shapes that depend on values: both stay outside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfbert.encoders.layers.layouts import padded_rows
from tfbert.export.artifact import output_shapes

if TYPE_CHECKING:
    from tfbert.models.task_model import TaskModel
    from tfbert.tasks.task import Task, Tensors

LENGTHS = (16, 32, 64, 96, 128, 192, 256, 384, 512)  # S', as far as a task's max_length
ROWS = (1, 2, 4, 8, 16, 32, 64)  # W'; more rows are computed 64 at a time


def lengths_of(task: Task) -> tuple[int, ...]:
    """The buckets that a task needs, the last at least its `max_length`.

    >>> lengths_of(tfbert.load("runs/mine").task)
    (16, 32, 64, 96, 128)
    """
    longer = [length for length in LENGTHS if length >= task.max_length]
    return (*(length for length in LENGTHS if length < task.max_length), min(longer, default=task.max_length))


def bucketed(model: TaskModel) -> Callable[[Tensors], Any]:
    """`features -> outputs` of a task model, whose network is compiled; padding is taken off again."""
    task, network = model.task, model.network
    axes = {name: names.split() for name, names in (*task.inputs(model.encoder).items(), *task.outputs.items())}
    shapes = output_shapes(model)
    # No longer than the encoder takes, whatever the buckets say.
    lengths = tf.constant([min(length, model.encoder.max_tokens) for length in lengths_of(task)])
    rows_at_once = tf.constant(ROWS)

    def outputs_of(inputs: Tensors) -> Tensors:
        with padded_rows():
            return task.named(network(inputs, training=False))

    compiled = tf.function(outputs_of, jit_compile=True, autograph=False)

    def call(features: Tensors) -> Any:
        inputs = {name: features[name] for name in task.inputs(model.encoder)}
        rows, length = tf.unstack(tf.shape(inputs["token_ids"]))
        to_length = _least(lengths, length)
        at_once = _least(rows_at_once, tf.minimum(rows, ROWS[-1]))
        parts = tf.maximum(1, -(-rows // at_once))

        def padded(name: str, value: tf.Tensor) -> tf.Tensor:  # [W, …] -> [parts, W', …]
            more = {"W": parts * at_once - rows, "S": to_length - length}
            value = tf.pad(value, [[0, more.get(axis, 0)] for axis in axes[name]])
            return tf.reshape(value, tf.concat([[parts, at_once], tf.shape(value)[1:]], 0))

        inputs = {name: padded(name, value) for name, value in inputs.items()}
        if task.reads_windows:
            specs = {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes.items()}
            outputs = tf.map_fn(compiled, inputs, fn_output_signature=specs, parallel_iterations=1)
        else:  # a loop costs more than the padding of a large batch
            outputs = compiled({name: _joined(value) for name, value in inputs.items()})
            outputs = {name: value[None] for name, value in outputs.items()}

        def without_padding(name: str, value: tf.Tensor) -> tf.Tensor:  # [parts, W', …] -> [W, …]
            value = _joined(value) if task.has_rows(name) else value[0]
            value = value[tuple(slice({"W": rows, "S": length}.get(axis)) for axis in axes[name])]
            return tf.ensure_shape(value, shapes[name])

        return task.as_head({name: without_padding(name, value) for name, value in outputs.items()})

    return call


def _joined(values):
    """[parts, W', …] -> [parts x W', …]."""
    return tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], 0))


def _least(sizes, wanted):
    """The smallest of ascending sizes that is at least `wanted`, or the largest size."""
    return tf.gather(sizes, tf.minimum(tf.reduce_sum(tf.cast(sizes < wanted, tf.int32)), tf.size(sizes) - 1))
