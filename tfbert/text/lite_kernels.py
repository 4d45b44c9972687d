"""tensorflow-text's operations in LiteRT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def lite_kernels() -> Sequence[Any]:
    """Returns what an interpreter registers to run a portable tokenizer: its `custom_op_registerers`.

    >>> settings = {"model_path": "model.tflite", "custom_op_registerers": lite_kernels()}  # InterpreterWithCustomOps'
    """
    import tensorflow_text  # here, so that ids-in models load without it

    return tensorflow_text.tflite_registrar.SELECT_TFTEXT_OPS
