"""The rows of tokens that are added to a checkpoint's vocabulary. V vocabulary, E embedding width."""

from __future__ import annotations

import numpy as np


def with_added_rows(value: np.ndarray, rows: int, noise: float) -> np.ndarray:
    """A token embedding [V, E], or a bias [V], with rows for further tokens: float32 [rows, …].

    A new row is the mean of the others (Hewitt 2021, Initializing New Word Embeddings for Pretrained Language Models;
    Hugging Face's `resize_token_embeddings`), so that it is no stranger to the network, and in an embedding a normal
    noise, of the deviation that the network's own rows began with, so that tokens which are added together, such as the
    markers of two entities, differ from the first step on. The same checkpoint gets the same rows.

    >>> with_added_rows(np.array([1.0, 3.0], np.float32), 3, 0.02).tolist()
    [1.0, 3.0, 2.0]
    """
    shape = (rows - len(value), *value.shape[1:])
    added = np.broadcast_to(value.mean(axis=0, dtype=np.float64), shape)
    if value.ndim > 1:
        added = added + np.random.default_rng(len(value)).normal(0, noise, shape)
    return np.concatenate([value, added.astype(np.float32)])
