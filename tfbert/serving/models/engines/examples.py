"""Serialized tf.Examples -> columns of texts, as the graph of a SavedModel reads them. B examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tensorflow.core.example import example_pb2

from tfbert.serving.protocol.status_codes import invalid


def columns_of_examples(serialized: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """{column: texts [B]} of serialized tf.Examples [B]; INVALID_ARGUMENT names one that has not exactly one text.

    >>> text = {"bytes_list": {"value": [b"a text"]}}
    >>> example = example_pb2.Example(features={"feature": {"text": text}})
    >>> columns_of_examples(np.array([example.SerializeToString()], object), ["text"])
    {'text': array([b'a text'], dtype=object)}
    """
    columns = {name: np.empty(len(serialized), object) for name in names}
    for row, message in enumerate(serialized):
        found = example_pb2.Example.FromString(message).features.feature
        for name, column in columns.items():
            if name not in found:
                raise invalid(f"Feature: {name} (data type: string) is required but could not be found.")
            kind = found[name].WhichOneof("kind")
            if kind != "bytes_list":
                raise invalid(f"Feature: {name}. Data types don't match. Expected type: string but got: {kind}")
            values = found[name].bytes_list.value
            if len(values) != 1:
                raise invalid(f"Key: {name}. Number of bytes_list values is {len(values)}; one is expected")
            column[row] = values[0]
    return columns
