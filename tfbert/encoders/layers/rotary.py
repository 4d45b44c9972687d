"""Rotary positions: queries and keys are turned by angles that grow with their position.

T tokens, R sequences of L places, N heads, D head size. Source: Su et al. 2021, section 3.2.2; a pair is of a number of
a head's first half and one of its second, as in Hugging Face's rotate_half.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfbert.encoders.layers.masking import MASKED


class Rotary(NamedTuple):
    """The turns of some tokens: cos and sin float32 [T, D / 2], and the positions int [T] that they are of."""

    cos: Any
    sin: Any
    position_ids: Any


def frequencies(head_size: int, theta: float) -> np.ndarray:
    """The angles of position 1, float32 [D / 2].

    >>> frequencies(4, 10000.0).tolist()
    [1.0, 0.009999999776482582]
    """
    exponents = np.arange(0, head_size, 2, dtype=np.float32) / np.float32(head_size)
    return (np.float32(1.0) / np.float32(theta) ** exponents).astype(np.float32)


def rotaries(position_ids: Any, head_size: int, thetas: Iterable[float]) -> dict[float, Rotary]:
    """The turns of tokens at positions int [T], for each of several bases of the frequencies.

    >>> rotaries(np.arange(3), 4, [10000.0])[10000.0].cos.shape
    TensorShape([3, 2])
    """
    places = ops.expand_dims(ops.cast(position_ids, "float32"), 1)
    angles = {theta: places * frequencies(head_size, theta) for theta in dict.fromkeys(thetas)}
    return {theta: Rotary(ops.cos(angle), ops.sin(angle), position_ids) for theta, angle in angles.items()}


def rotated(vectors: Any, rotary: Rotary, head_size: int) -> Any:
    """The heads of vectors [T, W], W a multiple of D, turned; computed in float32, in the type of `vectors`."""
    width = vectors.shape[-1]
    heads = ops.reshape(ops.cast(vectors, "float32"), (-1, width // head_size, head_size))
    first, second = ops.split(heads, 2, axis=-1)  # [T, N, D / 2]
    cos, sin = (ops.expand_dims(each, 1) for each in (rotary.cos, rotary.sin))
    turned = ops.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return ops.cast(ops.reshape(turned, (-1, width)), vectors.dtype)


def near(position_ids: Any, reach: int, bias: Any = None) -> Any:
    """A bias float32 [R, 1, L, L] as a layout gives it, for tokens that attend to those at most `reach` positions away.

    Args:
        position_ids: int [R, L].
        bias: what is added to it; None for nothing.
    """
    distance = ops.abs(ops.expand_dims(position_ids, 2) - ops.expand_dims(position_ids, 1))
    far = ops.expand_dims(ops.cast(distance > reach, "float32") * MASKED, 1)
    return far if bias is None else far + bias
