"""Which layout the tokens of a batch get. B rows, S places of a row."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

from keras import ops

from tfbert.encoders.layers.layout import Layout, Padded
from tfbert.encoders.layers.unpadded import Unpadded

_padded: contextvars.ContextVar[bool] = contextvars.ContextVar("padded", default=False)


def layout_of(token_ids: Any, padding_mask: Any, sequence_ids: Any, *, padded: bool, training: bool) -> Layout:
    """The layout of a batch: unpadded, unless `padded` or `padded_rows` says otherwise or nothing can be padding.

    Args:
        token_ids: int [B, S]; the others as in `Padded`.
        training: whether gradients are wanted.
    """
    if padded or _padded.get() or (padding_mask is None and sequence_ids is None):
        return Padded(ops.shape(token_ids), padding_mask, sequence_ids)
    if padding_mask is None:
        padding_mask = ops.ones_like(token_ids)
    return Unpadded(padding_mask, sequence_ids, training=training)


@contextlib.contextmanager
def padded_rows(is_on: bool = True) -> Iterator[None]:
    """Encoders that are called, or traced, within compute padding too: for compilers that need shapes beforehand.

    These are XLA (TPUs, `jit_compile`) and LiteRT.

    >>> with padded_rows():
    ...     outputs = tfbert.Encoder.from_checkpoint("path/or/hf-id")({"token_ids": keras.ops.ones((1, 3), "int32")})
    """
    before = _padded.set(_padded.get() or is_on)
    try:
        yield
    finally:
        _padded.reset(before)
