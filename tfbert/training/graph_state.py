"""What the graph of a network depends on besides the values of its variables: whether a traced function is stale."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import keras

from tfbert.training.keras_internals import layers_within

_PLAIN = (int, float, str, bool, bytes, type(None))


class GraphState:
    """The layers of a network, their attributes, variables and types as they are now.

    Two are equal unless something that a graph is traced from has changed: a layer or variable is another one, a layer
    was quantized or has another dtype, rate or activation. Values of variables and training change nothing.

    >>> layer = keras.layers.Dense(2)
    >>> layer.build((None, 3))
    >>> before = GraphState(layer)
    >>> layer.quantize("int8")
    >>> GraphState(layer) == before
    False
    """

    def __init__(self, network: keras.layers.Layer) -> None:
        self._held: list[Any] = []  # nothing else takes the place of what is compared by its identity
        self._state: list[Hashable] = []
        for layer in layers_within(network):
            attributes = vars(layer)
            self._held.append((layer, list(attributes.values())))
            self._state += (id(layer), layer.dtype_policy.name)
            # What Keras keeps of a layer for itself changes with every call.
            self._state += [
                (name, _state_of(value))
                for name, value in attributes.items()
                if name[0] != "_" or isinstance(value, keras.Variable)
            ]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GraphState) and self._state == other._state

    __hash__ = None


def _state_of(value):
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(map(_state_of, value))
    if isinstance(value, dict):
        return tuple((key, _state_of(part)) for key, part in value.items())
    return id(value)
