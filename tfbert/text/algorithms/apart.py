"""A stage of tokenization as functions of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfbert.text.pieces import Pieces


def apart(stage: Callable[[tf.Tensor, bool], Pieces]) -> dict[bool, Any]:
    """Returns {with places or without: the stage of strings [B] as a function that graphs call and do not inline}.

    It is traced once, and there are not a hundred idle operations in the graph of every short cut around it.
    """
    return {
        places: tf.function(
            functools.partial(stage, places=places),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
            experimental_attributes={"_noinline": True},
        )
        for places in (False, True)
    }
