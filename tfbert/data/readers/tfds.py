"""Data sets of tensorflow_datasets as a `Table`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

from tfbert.data.table import Table
from tfbert.errors import DataError

_SOURCE = re.compile(r"tfds:(?P<name>[^:]+(:\d+\.[\d*]+\.[\d*]+)?)(:(?P<split>.+))?")
_BATCH = 1024  # rows fetched from TensorFlow at a time


def read_tfds(source: str) -> Table:
    """The table of "tfds:NAME[/CONFIG][:VERSION][:SPLIT]"; see `tfbert.data.read`.

    A data set that is not prepared yet is downloaded into TFDS's own data folder, as `tfds.load` does.

    Raises:
        DataError: an unknown data set, config or split, or a data set that cannot be downloaded.

    >>> read_tfds("tfds:glue/sst2:validation")  # doctest: +SKIP
    <Table tfds:glue/sst2:validation: 872 rows of 'idx', 'label', 'sentence'>
    """
    match = _SOURCE.fullmatch(source)
    if not match:
        raise DataError(f"{source}: not of the form tfds:NAME[/CONFIG][:VERSION][:SPLIT]")
    name, split = match["name"], match["split"] or "train"
    builder = _prepared_builder(source, name)
    source = f"tfds:{name}:{split}"
    try:
        dataset = builder.as_dataset(split=split, shuffle_files=False)
    except (ValueError, KeyError, AssertionError, TypeError) as error:
        splits = ", ".join(builder.info.splits)
        raise DataError(f"{source}: {_reason(error)}; the splits are {splits}") from error
    features = builder.info.features
    if not hasattr(features, "keys"):
        raise DataError(f"{source}: the rows of this data set have no named columns")
    columns: dict[str, list] = {column: [] for column in sorted(features)}  # features.json keeps no order
    try:
        for batch in dataset.ragged_batch(_BATCH):
            for column in columns:
                columns[column] += _values(features[column], batch[column])
    except (UnicodeDecodeError, IndexError) as error:
        first = len(columns[column])
        what = "bytes that are not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise DataError(f"{source}, rows {first} to {first + _BATCH - 1}: column {column!r} holds {what}") from error
    table = Table(columns, source=source)
    if not len(table):
        raise DataError(f"{source}: no rows")
    return table


def _prepared_builder(source: str, name: str) -> Any:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataError(f"{source}: needs tensorflow_datasets: pip install tensorflow-datasets") from error
    try:
        builder = tfds.builder(name)
    except tfds.core.DatasetNotFoundError as error:
        # Its own message lists all of the hundreds of data sets.
        raise DataError(f"{source}: tensorflow_datasets knows no data set {name!r}") from error
    except Exception as error:
        raise DataError(f"{source}: {_reason(error)}") from error
    try:
        builder.download_and_prepare()  # does nothing if it is prepared
    except Exception as error:  # whatever a builder's own code, the network or the disk raises
        raise DataError(
            f"{source}: the data set {name!r} is not prepared in {builder.data_dir} and could not be "
            f"downloaded: {type(error).__name__}: {_reason(error)}"
        ) from error
    return builder


def _values(feature: Any, batch: Any) -> list:
    """The Python values of a batch, one for each row: labels by name, bytes as str."""
    if isinstance(batch, dict):
        # TFDS gives a sequence of dicts as a dict of sequences; it stays one.
        parts = [_values(feature[name], values) for name, values in batch.items()]
        return [dict(zip(batch, row, strict=True)) for row in zip(*parts, strict=True)]
    # RaggedTensor.to_list would take a second for every hundred rows of nested lists.
    splits = [part.numpy().tolist() for part in getattr(batch, "nested_row_splits", ())]
    values = getattr(batch, "flat_values", batch).numpy().tolist()
    while hasattr(feature, "feature"):
        feature = feature.feature
    if hasattr(feature, "int2str"):
        # -1 means that there is no label; TFDS's own int2str would give the last name for it.
        values = _map(lambda label: None if label < 0 else _name(feature, label), values)
    elif batch.dtype.name == "string":
        values = _map(bytes.decode, values)
    for ends in reversed(splits):
        values = [values[begin:end] for begin, end in itertools.pairwise(ends)]
    return values


def _name(feature: Any, label: int) -> str:
    if label >= feature.num_classes:
        raise IndexError(f"the class label {label}, which is none of its {feature.num_classes} classes from 0 on")
    return feature.int2str(label)


def _map(function: Callable[[Any], Any], values: list) -> list:
    return [_map(function, value) if isinstance(value, list) else function(value) for value in values]


def _reason(error: Exception) -> str:
    """An error's message as one line of at most 300 characters: TFDS's may list hundreds of names."""
    line = " ".join(str(error).split()).rstrip(".:") or type(error).__name__
    return line if len(line) <= 300 else line[:297] + "..."
