"""Texts of many kinds that exports are checked on, and inputs made of them for any signature. B batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.data import columns

if TYPE_CHECKING:
    import tensorflow as tf

TEXTS = (
    "My parcel was due on Friday and still nothing has come.",
    "",
    "A charming and often affecting journey.",
    "Crème brûlée, naïve façade: ÀÉÎ ß ﬁne ½",
    "她在上海的银行工作。 東京タワーは333メートル",
    "Visit https://example.com/a?b=c, or write to me@example.com!",
    "price: $1,299.99 (−10 %) … “quoted” text—with dashes",
    "[MASK] and [SEP] stand in this text 🙂👍🏽",
    "unbelievably\tmis-spelled   wrods\nand a second line",
    "I want my money back, the lamp came with a cracked shade. " * 5,
    "nothing",
    "Москва — столица России; Αθήνα είναι πόλη",
)
DOCUMENTS = (
    "The parcel was due on Friday. It did not come. Nobody at the shop knew why, and the lamp in it was broken too.",
    "Ada works in Shanghai. She moved there in 2011; before that she lived in Paris and in Rome.",
    "A lamp came. The shade was cracked! Who pays for it? The shop said it would. " * 4,
    "One sentence only",
    "東京タワーは333メートルです。 The tower is 333 metres high.",
    "",
)
_MAX_PARTS = 3  # of a row in a column of rank 2 or more, where the signature leaves the number open


def default_inputs(signature: Mapping[str, tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Values for a signature, {column: array [B, …]}, of any rank: texts, or small numbers.

    Each column has other texts; a row of a column of rank 2 has one text or several, and is filled up with "".

    >>> default_inputs({"passages": tf.TensorSpec([None, None], tf.string)})["passages"].shape
    (12, 3)
    """
    return {name: _values(spec, number) for number, (name, spec) in enumerate(signature.items())}


def _values(spec: tf.TensorSpec, number: int) -> np.ndarray:
    rows, rank = len(TEXTS), len(spec.shape)
    shape = (rows, *(size or _MAX_PARTS for size in spec.shape.as_list()[1:]))
    places = np.arange(math.prod(shape)).reshape(shape)
    if spec.dtype.name != "string":
        return (places % 2).astype(spec.dtype.as_numpy_dtype)  # 0 and 1 are valid as flags, counts and places alike
    if rank == 1:
        return strings(TEXTS[::-1] if number % 2 else TEXTS)
    texts = strings([TEXTS[(place + number) % rows] or "a" for place in places.ravel()]).reshape(shape)
    if spec.shape[-1] is None:  # rows of unequal length
        kept = np.arange(_MAX_PARTS) <= np.arange(rows).reshape(-1, *(1,) * (rank - 1)) % _MAX_PARTS
        texts[~np.broadcast_to(kept, shape)] = b""
    return texts


def strings(texts: Sequence[str]) -> np.ndarray:
    """Texts as an array of bytes [B]."""
    return np.array([text.encode() for text in texts], object)


def array(values: Sequence[Any], spec: tf.TensorSpec) -> np.ndarray:
    """Rows of a column as the dense array that a signature takes; lists of texts are filled up with ""."""
    if spec.dtype.name != "string":
        return np.array(values, spec.dtype.as_numpy_dtype)
    tensor = columns.tensor([list(row) if isinstance(row, tuple) else row for row in values])
    return (tensor.to_tensor("") if len(spec.shape) > 1 else tensor).numpy()
