"""What a user may give to `fit`, `evaluate` and `predict` -> a `Table` of strings, or features. B batch."""

from __future__ import annotations

import copy
import math
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.data.bad_rows import BadRows, Policy, usable
from tfbert.data.batching.batches import Batches
from tfbert.data.table import Table
from tfbert.errors import DataError
from tfbert.models.tables import is_features, to_table
from tfbert.models.weights import sample_weights, weights_of_labels

if TYPE_CHECKING:
    from tfbert.tasks.task import Task


def refuse(kwargs: dict[str, Any], verb: str) -> None:
    """Raises TypeError for Keras' arguments that do not apply to strings."""
    given = [name for name, value in kwargs.items() if value is not None]
    if given:
        raise TypeError(f"{verb} on a Table or lists of strings takes no {', '.join(given)}")


def labelled_batches(
    x: Any,
    y: Any,
    task: Task,
    *,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    bad_rows: Policy | None = None,
    several_replicas: bool = False,
    training: bool = False,
    **settings: Any,
) -> Batches | tf.data.Dataset | tf.distribute.DistributedDataset:
    """Batches of the data given to `fit` or `evaluate`: `Batches` of strings, or else a data set of features.

    Args:
        sample_weight: float [rows], the weight of each row in the loss.
        class_weight: {number of a label: weight} of the rows that have it.
        bad_rows: what happens to rows of strings that cannot be used, if it is not what the table says.
        training: whether the task refuses a table from which nothing can be learned.
        settings: batch_size, shuffle and seed of `Batches`.

    Raises:
        TypeError: x is of no kind that can be read, or is a data set that cannot be divided among several replicas.
        DataError: rows that the task cannot use, or a part of the example that the model does not read.
    """
    if isinstance(x, tf.data.Dataset) and sample_weight is not None:
        raise TypeError("a data set brings its sample weights along: (strings or features, target, weight)")
    if isinstance(x, (Batches, tf.distribute.DistributedDataset)):
        return x
    table = to_table(x, y, task)
    if table is None:
        if not isinstance(x, tf.data.Dataset):
            raise unreadable(x, task)
        if bad_rows is not None:
            raise TypeError("bad_rows is for a Table or lists of strings; a tf.data.Dataset has no rows to leave out")
        dataset = featurized(x, task)
        features = dataset.element_spec[0] if isinstance(dataset.element_spec, tuple) else dataset.element_spec
        if several_replicas and "rows" in features:
            # TensorFlow splits batches row by row, and would separate the rows of one example.
            raise TypeError("on several replicas this task takes a Table or lists of strings, not a tf.data.Dataset")
        return dataset
    check_read(table, task, training=training)
    weights = sample_weights(sample_weight, len(table), task)
    table = _with_own_bad_rows(table, bad_rows)
    examples, used = usable(table, lambda some: task.examples(some, training=training))
    used.bad_rows.warn(len(used))
    if weights is not None and used is not table:
        weights = weights[used.rows]
    size = len(next(iter(examples.values())))
    if weights is not None and size != len(weights):
        raise ValueError(f"sample_weight has {len(weights)} numbers, but {size} rows have a label: give only theirs")
    if class_weight is not None:
        of_labels = weights_of_labels(class_weight, examples["label"])
        weights = of_labels if weights is None else weights * of_labels
    batches = Batches(examples, task.features, task.target, sample_weight=weights, **settings)
    if used.bad_rows.policy == "skip":
        batches.skipped_rows = len(used.bad_rows)
    return batches


def _with_own_bad_rows(table, policy):
    """The table with bad rows of its own: to read it twice counts none twice."""
    table = copy.copy(table)
    before, table.bad_rows = table.bad_rows, BadRows(policy or table.bad_rows.policy)
    table.bad_rows.errors = list(before.errors)
    return table


def check_read(table: Table, task: Task, *, training: bool = False) -> None:
    """Raises DataError for a column that is a part of the task's example and that the task does not read."""
    for column, remedy in task.unread_columns(table, training=training).items():
        raise DataError(f"{table.source}: this model does not read column {column!r}: {remedy}, or leave it out")


def validation(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of Keras' `validation_data`: a table or data set alone, a pair, or all three."""
    given = data if isinstance(data, tuple) else (data,)
    if len(given) > 3 or data == ():
        raise ValueError(f"validation_data is (x, y) or (x, y, sample_weight), not {len(given)} values")
    return (*given, None, None)[:3]


def split(
    x: Any, y: Any, sample_weight: Any, share: float, task: Task
) -> tuple[Table, np.ndarray | None, tuple[Table, None, np.ndarray | None]]:
    """Splits rows into the first ones (a table and its weights) and the last ones (as `validation_data`).

    Args:
        share: the share of the rows, from the end, to validate on.
    """
    table = to_table(x, y, task)
    if table is None:
        raise TypeError(f"validation_split takes a Table or lists of strings, not {type(x).__name__}")
    count = math.floor(len(table) * (1 - share))
    if not 0 < count < len(table):
        raise ValueError(f"validation_split={share} of {len(table)} rows leaves none to train or none to validate on")
    weights = sample_weights(sample_weight, len(table), task)
    first, last = (None, None) if weights is None else (weights[:count], weights[count:])
    to_train, to_validate = table.select(slice(count)), table.select(slice(count, None))
    to_validate.bad_rows = BadRows(table.bad_rows.policy)  # what could not be read is counted once
    return to_train, first, (to_validate, None, last)


def to_features(x: Any, task: Task) -> Any:
    """Features in a form that Keras reads: a dict of tensors, or a data set, whose strings become features.

    Raises TypeError for anything else.
    """
    if isinstance(x, tf.data.Dataset):
        return featurized(x, task)
    kinds = (tf.distribute.DistributedDataset, keras.utils.PyDataset, types.GeneratorType)
    if isinstance(x, kinds) or isinstance(x, dict) and is_features(x):
        return x
    raise unreadable(x, task)


def unreadable(x: Any, task: Task) -> TypeError:
    """The error that says what may be given instead."""
    kind = type(x).__name__
    if isinstance(x, (list, tuple)) and x:
        kind += f" of {type(x[0]).__name__}"
    given = f"give a Table, a DataFrame, lists of strings or a tf.data.Dataset, not {kind}"
    if isinstance(x, tuple):
        given += f"; a tuple has a list of each of {', '.join(task.text_inputs)}, and this one has {len(x)} parts"
    return TypeError(given)


def featurized(dataset: tf.data.Dataset, task: Task) -> tf.data.Dataset:
    """A batched data set of (strings or features, target): strings become features."""
    spec = dataset.element_spec
    x_spec = spec[0] if isinstance(spec, tuple) else spec

    def is_string(part):
        return isinstance(part, tf.TensorSpec) and part.dtype == tf.string

    if is_string(x_spec):
        names = (task.text_inputs[0],)
    elif isinstance(x_spec, tuple) and all(is_string(part) for part in x_spec):
        names = task.text_inputs
    elif isinstance(x_spec, dict) and all(is_string(x_spec.get(name)) for name in task.text_inputs):
        check_read(Table.from_columns({name: [] for name in x_spec}, source="the data set"), task)
        names = None
    else:
        return dataset

    def example(x):
        return x if names is None else dict(zip(names, x if isinstance(x, tuple) else (x,), strict=True))

    def features_and_target(x, y, *rest):
        columns = {**example(x), task.target_column: y}
        features = task.features(columns)
        return (features, task.target(columns, features), *rest)

    if not isinstance(spec, tuple):
        return dataset.map(lambda x: task.features(example(x)), num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.map(features_and_target, num_parallel_calls=tf.data.AUTOTUNE)
