"""Weights of rows in the loss: Keras' `sample_weight` and `class_weight`. B rows, L labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from tfbert.tasks.task import Task


def sample_weights(weights: Any, size: int, task: Task) -> np.ndarray | None:
    """The weights of `size` rows as float32 [size], or None if none are given.

    Raises TypeError if the task's loss takes no weights, ValueError unless each row has one finite number.
    """
    if weights is None:
        return None
    if not task.weighs_examples:
        raise TypeError(f"sample_weight: the rows of {task.name} have no weights in its loss")
    weights = np.asarray(weights, np.float32)
    if weights.shape != (size,):
        raise ValueError(f"sample_weight must have one number for each of the {size} rows, not shape {weights.shape}")
    if not np.isfinite(weights).all():
        row = int(np.flatnonzero(~np.isfinite(weights))[0])
        raise ValueError(f"sample_weight of row {row} is {weights[row]}, not a finite number")
    return weights


def class_weights(weights: Mapping[Any, float] | None, task: Task) -> dict[int, float] | None:
    """Keras' `class_weight` with the numbers of the labels as keys; None where there are none.

    Args:
        weights: {label: weight}. A label is a name or what else stands for it in `y`: its number, unless names are
            numbers themselves. A label that is not there weighs 1.

    Raises:
        TypeError: the rows of the task have no label each.
        ConfigError: a label that the task does not have, or a weight that is none.

    >>> class_weights({"refund": 2.0}, tfbert.load("runs/mine").task)
    {1: 2.0}
    """
    if weights is None:
        return None
    problem = getattr(task, "problem", task.name)
    if problem != "single_label":
        raise TypeError(_REMEDIES.get(problem, _REMEDY).format(task=task.name))
    if not isinstance(weights, Mapping):
        raise TypeError(f"class_weight is a dict of labels and weights, not {weights!r:.80}")
    numbers = {name: i for i, name in enumerate(task.labels)}
    if not any(name.isdecimal() for name in task.labels):
        numbers.update({str(i): i for i in range(len(task.labels))})
    found = {}
    for label, weight in weights.items():
        number = numbers.get(str(label))
        if number is None:
            listed = did_you_mean(label, task.labels) or f"; the labels are {', '.join(task.labels)}"
            raise ConfigError(f"class_weight: unknown label {label!r}{listed}")
        if not isinstance(weight, (int, float, np.number)) or not 0 <= weight < math.inf:
            raise ConfigError(f"class_weight of {label!r} is {weight!r}, not a number from 0 on")
        if number in found:
            raise ConfigError(f"class_weight names the label {task.labels[number]!r} twice")
        found[number] = float(weight)
    return found


def weights_of_labels(weights: Mapping[int, float], labels: np.ndarray) -> np.ndarray:
    """The weight of each row, float32 [B], by its label, int [B].

    >>> weights_of_labels({1: 2.0}, np.array([0, 1]))
    array([1., 2.], dtype=float32)
    """
    of_labels = np.ones(max([*weights, *labels.tolist()]) + 1, np.float32)
    of_labels[list(weights)] = list(weights.values())
    return of_labels[labels]


_REMEDIES = {
    "multi_label": "class_weight weighs a row by its one label, and rows have several here: give the model the setting "
    "class_weights, a weight for each label, or give `fit` sample_weight, one for each row",
    "regression": "class_weight weighs a row by its label, and these rows have numbers: give `fit` sample_weight, one "
    "weight for each row",
}
_REMEDY = (
    "class_weight weighs a row by its label, and rows of {task} have no label each; it is for classifiers. "
    "The setting class_weights and sample_weight of `fit` are text classifiers' as well"
)
