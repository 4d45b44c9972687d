"""Activations by the name that a checkpoint's configuration gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

# Names as Hugging Face's `ACT2FN` has them -> how tfbert computes them.
ACTIVATIONS = {
    "gelu": "gelu_erf",
    "gelu_python": "gelu_erf",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "linear": "linear",
    "mish": "mish",
    "quick_gelu": "quick_gelu",
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}


def gelu_erf(x: Any) -> Any:
    """Exact GELU (Hendrycks & Gimpel 2016).

    Written with erf because `keras.ops.gelu(approximate=False)` becomes erfc, which oneDNN does not fuse with the
    matrix product before it and which ONNX does not have.
    """
    return 0.5 * x * (1.0 + ops.erf(x * math.sqrt(0.5)))


def gelu_tanh(x: Any) -> Any:
    """The tanh approximation, Hugging Face's `gelu_new`."""
    return keras.activations.gelu(x, approximate=True)


def quick_gelu(x: Any) -> Any:
    """The sigmoid approximation, x * sigmoid(1.702 x) (Hendrycks & Gimpel 2016, section 2)."""
    return x * ops.sigmoid(1.702 * x)


_FUNCTIONS = {
    "gelu_erf": gelu_erf,
    "gelu_tanh": gelu_tanh,
    "linear": keras.activations.linear,
    "mish": keras.activations.mish,
    "quick_gelu": quick_gelu,
    "relu": ops.relu,
    "relu6": ops.relu6,
    "sigmoid": ops.sigmoid,
    "silu": ops.silu,
    "tanh": ops.tanh,
}


def activation(name: str) -> Callable[[Any], Any]:
    """The function for a `hidden_act` of `BertConfig`.

    >>> float(activation("relu")(-1.0))
    0.0
    """
    return _FUNCTIONS[ACTIVATIONS[name]]
