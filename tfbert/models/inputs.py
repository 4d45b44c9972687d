"""What a user may hand to `fit`, `evaluate` and `predict` -> a `Table` of strings. B batch."""

import numpy as np
import tensorflow as tf

from tfbert.data.table import Table


def pair(validation_data):
    """(x, y) of Keras' `validation_data`: a table or data set alone, or a pair."""
    if isinstance(validation_data, tuple):
        if len(validation_data) != 2:
            raise ValueError(f"validation_data is (x, y), not {len(validation_data)} values")
        return validation_data
    return validation_data, None


def to_table(x, y, task):
    """A table of strings in any of the forms below; None for tensors of features.

    A `Table`; a list or array of strings; where the task takes several, a tuple of these; a dict of columns. `y`
    adds the target's column.
    """
    if isinstance(x, Table):
        if y is not None:
            raise ValueError("a Table brings its labels along; give no y")
        return x
    if isinstance(x, (str, bytes)):
        raise TypeError("give a list of texts, not one text")
    if isinstance(x, tuple) and len(x) == len(task.text_inputs) and all(_is_strings(part) for part in x):
        x = dict(zip(task.text_inputs, x, strict=True))
    elif _is_strings(x):
        x = {task.text_inputs[0]: x}
    served = {name for columns in task.signatures.values() for name in columns}
    if not isinstance(x, dict) or not any(_is_strings(x.get(name)) or _is_words(x.get(name)) for name in served):
        return None
    columns = {task.columns.get(name, name): [_text(value) for value in values] for name, values in x.items()}
    if y is not None:
        columns[task.columns.get(task.target_column, task.target_column)] = y
    return Table.from_columns(columns, source="the given data")


def featurized(dataset, task):
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


def _is_strings(values):
    if isinstance(values, np.ndarray):
        return values.ndim == 1 and (
            values.dtype.kind in "US" or (values.dtype == object and _is_strings(list(values)))
        )
    return isinstance(values, list) and all(isinstance(value, (str, bytes)) for value in values)


def _is_words(values):
    return isinstance(values, list) and all(isinstance(row, list) and _is_strings(row) for row in values)


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
