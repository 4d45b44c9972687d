"""Outputs of a batch that is computed in parts, as the state of a loop of the graph. W rows of a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from tfbert.tasks.task import Task


class OutputsOfParts:
    """What a task's head gives for the parts of a batch: rows are joined, and what has no rows is the last part's.

    >>> outputs = OutputsOfParts(model.task, model.network)
    >>> state = outputs.with_part(outputs.empty(1), 0, model(features))
    >>> outputs.joined(state).shape
    TensorShape([2, 2])
    """

    def __init__(self, task: Task, network: keras.Model) -> None:
        self._task = task
        self._shapes = {name: tf.TensorShape(value.shape) for name, value in task.named(network.output).items()}

    def empty(self, parts: tf.Tensor | int) -> dict[str, Any]:
        """The state before the first part."""
        return {
            name: tf.TensorArray(tf.float32, parts, infer_shape=False, element_shape=shape)
            if self._task.has_rows(name)
            else tf.zeros(shape)
            for name, shape in self._shapes.items()
        }

    def with_part(self, state: dict[str, Any], i: tf.Tensor | int, outputs: Any) -> dict[str, Any]:
        """The state after part i."""
        named = self._task.named(outputs)
        return {
            name: state[name].write(i, named[name]) if self._task.has_rows(name) else named[name]
            for name in self._shapes
        }

    def joined(self, state: dict[str, Any]) -> Any:
        """The outputs of the whole batch, as the head gives them."""
        named = {name: value.concat() if self._task.has_rows(name) else value for name, value in state.items()}
        return self._task.as_head({name: tf.ensure_shape(named[name], shape) for name, shape in self._shapes.items()})
