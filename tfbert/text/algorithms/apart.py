"""A stage of tokenization as functions of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow as tf

from tfbert.text.pieces import Pieces

Stage: TypeAlias = Callable[[tf.Tensor, bool], Pieces]


def apart(stage: Stage) -> dict[bool, Any]:
    """Returns {with places or without: the stage of strings [B] as a function that graphs call and do not inline}.

    It is traced once, and there are not a hundred idle operations in the graph of every short cut around it.
    """
    return {
        places: tf.function(
            functools.partial(_called, stage, places),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
            experimental_attributes={"_noinline": True},
        )
        for places in (False, True)
    }


def _called(stage: Stage, places: bool, text: tf.Tensor) -> Pieces:
    return stage(text, places)
