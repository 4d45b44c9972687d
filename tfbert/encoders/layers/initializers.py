"""Weight initializers that can be skipped when a checkpoint follows."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras

from tfbert import memory as pages

_LEFT_AT_ZERO = contextvars.ContextVar("left_at_zero", default=False)


@keras.saving.register_keras_serializable("tfbert")
class TruncatedNormal(keras.initializers.TruncatedNormal):
    """Keras' TruncatedNormal, but zeros inside `left_at_zero`.

    Args:
        always_drawn: random inside `left_at_zero` too, for weights that a checkpoint may lack.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None, *, always_drawn: bool = False):
        super().__init__(mean, stddev, seed)
        self.always_drawn = always_drawn

    def __call__(self, shape, dtype=None):
        if self.always_drawn or not _LEFT_AT_ZERO.get():
            return super().__call__(shape, dtype)
        return keras.ops.cast(pages.as_tensor(pages.zeros(shape)), dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "always_drawn": self.always_drawn}


@contextlib.contextmanager
def left_at_zero() -> Iterator[None]:
    """Variables made in this context start at zero, because a checkpoint's weights will replace them.

    Random numbers would take time and memory. These zeros take none until the weights replace them.

    >>> with left_at_zero():
    ...     TruncatedNormal()((2, 2))
    """
    token = _LEFT_AT_ZERO.set(True)
    try:
        yield
    finally:
        _LEFT_AT_ZERO.reset(token)
