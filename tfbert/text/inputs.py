"""What a user may give to a tokenizer, checked and made a tensor. B texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

Strings: TypeAlias = "tf.Tensor | np.ndarray | Sequence[str] | Sequence[bytes]"
Words: TypeAlias = "tf.RaggedTensor | tf.Tensor | Sequence[Sequence[str]] | Sequence[Sequence[bytes]]"
Ids: TypeAlias = "tf.RaggedTensor | tf.Tensor | np.ndarray | Sequence[Sequence[int]]"


def strings(text: Strings, name: str) -> tf.Tensor:
    """Returns `text` as a tensor of strings [B].

    Raises TypeError or ValueError, naming the argument, for anything else.

    >>> strings(["a film"], "text").shape
    TensorShape([1])
    """
    if isinstance(text, (tf.RaggedTensor, tf.SparseTensor)):
        raise TypeError(f"{name} is a {type(text).__name__}; expected a dense tensor of strings of shape [B]")
    text = _tensor(text, name)
    if text.shape.rank != 1:
        raise ValueError(f"{name} has shape {text.shape}; expected [B], a list of strings")
    return text


def words(text: Words, name: str) -> tf.RaggedTensor:
    """Returns `text` as strings [B, (words)]: given as such, as a dense tensor, or as lists of words.

    Raises TypeError, naming the argument, for anything else.

    >>> words([["a", "film"], []], "text").row_lengths().numpy().tolist()
    [2, 0]
    """
    if isinstance(text, tf.RaggedTensor):
        if text.dtype != tf.string or text.shape.rank != 2:
            raise TypeError(f"{name} is a RaggedTensor of {text.dtype.name}, rank {text.shape.rank}; expected words")
        return text
    if tf.is_tensor(text):
        if text.dtype != tf.string or text.shape.rank != 2:
            raise TypeError(f"{name} is {text.dtype.name} of shape {text.shape}; expected strings [B, words]")
        return tf.RaggedTensor.from_tensor(text)
    rows = list(text)
    for i, row in enumerate(rows):
        if isinstance(row, (str, bytes)) or not hasattr(row, "__iter__"):
            raise TypeError(f"{name}, row {i} is {row!r}; expected a list of words")
    flat = _tensor([word for row in rows for word in row], name)
    return tf.RaggedTensor.from_row_lengths(flat, tf.constant([len(row) for row in rows], tf.int64), validate=False)


def with_equal_rows(first: Any, second: Any) -> list[Any]:
    """Returns both, checked in the graph to have as many rows."""
    count = [text.nrows() if isinstance(text, tf.RaggedTensor) else tf.size(text, tf.int64) for text in (first, second)]
    message = "text and text_pair have different numbers of rows"
    with tf.control_dependencies([tf.debugging.assert_equal(*count, message)]):
        return [tf.identity(first), tf.identity(second)]


def ids(values: Ids, size: int) -> tf.RaggedTensor:
    """Returns `values` as ids [B, (tokens)].

    Raises TypeError or ValueError for what is not integers [B, S] or [B, (tokens)]. An id that a vocabulary of `size`
    does not have is a ValueError here; in a graph, the lookup of it fails when it runs.

    >>> ids([[4, 5], [6, 0]], size=7).to_list()
    [[4, 5], [6, 0]]
    """
    if not isinstance(values, tf.RaggedTensor):
        values = tf.convert_to_tensor(values)
        if values.shape.rank != 2:
            raise ValueError(f"ids have shape {values.shape}; expected [B, S]")
        values = tf.RaggedTensor.from_tensor(values)
    if not values.dtype.is_integer:
        raise TypeError(f"ids have dtype {values.dtype.name}; expected integers")
    if tf.executing_eagerly():
        flat = values.flat_values.numpy()
        wrong = flat[(flat < 0) | (flat >= size)]
        if len(wrong):
            raise ValueError(f"id {wrong[0]} is not one of the vocabulary's, 0 to {size - 1}")
    return values


def _tensor(text: Any, name: str) -> tf.Tensor:
    if not tf.is_tensor(text):
        try:
            # An empty list or array says nothing of its dtype and would become float.
            text = tf.convert_to_tensor(text, tf.string) if len(text) == 0 else tf.convert_to_tensor(text)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name} is not a list of strings: {error}") from error
    if text.dtype != tf.string:
        raise TypeError(f"{name} has dtype {text.dtype.name}; expected strings")
    return text
