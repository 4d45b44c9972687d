"""Tensors that depend on weights alone, such as a kernel in half precision or three kernels side by side.

Training computes them in each step. Where weights do not change any more they are computed once.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

_kept: contextvars.ContextVar[dict | None] = contextvars.ContextVar("kept", default=None)


def derived(owner: Any, name: str, compute: Callable[[], tf.Tensor]) -> tf.Tensor:
    """`compute()`; within `kept_derived` a variable of its value, the same at each call.

    Args:
        owner: the layer whose weights `compute` reads.
        name: of the tensor, unique for the layer.
    """
    kept = _kept.get()
    if kept is None:
        return compute()
    if (owner, name) not in kept:
        # Out of the graph that is traced, and of its names: a file of the same model is the same each time.
        with tf.init_scope(), tf.name_scope(f"{owner.path}/"):
            kept[owner, name] = tf.Variable(compute(), trainable=False, name=name)
    return tf.convert_to_tensor(kept[owner, name])


@contextlib.contextmanager
def kept_derived(kept: dict | None = None) -> Iterator[dict[tuple, tf.Variable]]:
    """Networks that are called, or traced, within compute what depends on weights alone once.

    The variables do not follow the weights: enter it for a model that is not trained any more.

    Args:
        kept: what an earlier call yielded, to use the same variables.
    """
    before = _kept.set({} if kept is None else kept)
    try:
        yield _kept.get()
    finally:
        _kept.reset(before)
