"""How the tokens of a batch form rows. B rows, S places of a row, T tokens, W width.

Layers compute on tokens [T, W]. Only attention needs to know which of them are one sequence's, and asks a layout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from tfbert.encoders.layers.masking import MASKED


class Layout:
    """Which T of the B x S places of a batch are computed, and which of them attend to one another."""

    def tokens(self, values: Any) -> Any:
        """Values of all places [B, S, …] -> those of the tokens [T, …]."""
        raise NotImplementedError

    def rows(self, tokens: Any) -> Any:
        """Values of the tokens [T, …] -> [B, S, …]."""
        raise NotImplementedError

    def first(self, tokens: Any) -> Any:
        """Values of the tokens [T, W] -> those of each row's first place [B, W]."""
        raise NotImplementedError

    def places(self) -> Any:
        """The place of each token in its row, int32 [T]."""
        raise NotImplementedError

    @property
    def has_gaps(self) -> Any:
        """Whether padding stands between two tokens of a sequence: False, or a bool tensor that depends on values."""
        raise NotImplementedError

    def add_bias(self, function: Callable) -> None:
        """Adds to `attend`'s bias one that depends on how far apart two tokens stand in a row; called once at most.

        Args:
            function: distances int32 [R, L, L], key - query -> float32 [R, N, L, L]; R is 1 where all sequences have
                the same distances.
        """
        raise NotImplementedError

    def attend(self, function: Callable, *tokens: Any) -> Any:
        """Calls `function` on sequences side by side; returns what it gives for each token, [T, W'].

        Args:
            function: (each of `tokens` as [R, L, W], bias) -> [R, L, W'], R sequences of L places. `bias` is float32
                and broadcasts to [R, N, L, L]: 0 where a token (axis 2) attends to another (axis 3), MASKED where
                not, plus what was added; None if all attend to all of their sequence.
            tokens: values of the tokens [T, W] or [T].
        """
        raise NotImplementedError


class Padded(Layout):
    """Computes all places, padding included: T = B x S, in shapes that do not depend on values.

    Args:
        shape: (B, S).
        padding_mask: bool or int [B, S] (1 = token), or [B, S, S] with 1 where the token of axis 1 attends to the token
            of axis 2; None if every place is a token.
        sequence_ids: int [B, S], the sequence of each token in a row that packs several.

    >>> Padded((2, 3)).rows(keras.ops.ones((6, 4))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(self, shape: tuple, padding_mask: Any = None, sequence_ids: Any = None) -> None:
        self._shape, self._bias, self._added = tuple(shape[:2]), None, None
        if sequence_ids is not None:
            same = ops.expand_dims(sequence_ids, 2) == ops.expand_dims(sequence_ids, 1)  # [B, S, S]
            if padding_mask is not None:
                same = ops.logical_and(same, ops.expand_dims(ops.cast(padding_mask, "bool"), 1))
            padding_mask = same
        if padding_mask is not None:
            # Finite, so that a row whose keys are all padding has no NaN.
            bias = (1.0 - ops.cast(padding_mask, "float32")) * MASKED
            self._bias = ops.expand_dims(ops.expand_dims(bias, 1) if len(bias.shape) == 2 else bias, 1)

    def tokens(self, values: Any) -> Any:
        return ops.reshape(values, (-1, *values.shape[2:]))

    def rows(self, tokens: Any) -> Any:
        return ops.reshape(tokens, (*self._shape, *tokens.shape[1:]))

    def first(self, tokens: Any) -> Any:
        return self.rows(tokens)[:, 0]

    def places(self) -> Any:
        return self.tokens(ops.broadcast_to(ops.arange(self._shape[1], dtype="int32"), self._shape))

    @property
    def has_gaps(self) -> bool:
        return False  # padding has places in `attend` too

    def add_bias(self, function: Callable) -> None:
        places = ops.arange(self._shape[1], dtype="int32")
        self._added = function(distances(ops.expand_dims(places, 0)))

    def attend(self, function: Callable, *tokens: Any) -> Any:
        # A sum for each call: of a lone one, whose gradient is a sum over the calls, each part would have all B rows.
        bias = self._bias if self._added is None or self._bias is None else self._bias + self._added
        return self.tokens(function(*map(self.rows, tokens), self._added if bias is None else bias))


def distances(places: Any) -> Any:
    """How far each key stands from each query, key - query: places int [R, L] -> [R, L, L].

    >>> distances(keras.ops.array([[0, 1]])).numpy().tolist()
    [[[0, 1], [-1, 0]]]
    """
    return ops.expand_dims(places, 1) - ops.expand_dims(places, 2)


def on_rows(call: Callable, hidden: Any, padding_mask: Any, **arguments: Any) -> Any:
    """Calls a layer of tokens [T, H] on rows [B, S, H]: as `call(tokens, layout=…)`, with the output in rows again.

    Of several outputs the first is of tokens.
    """
    layout = Padded(ops.shape(hidden), padding_mask)
    outputs = call(layout.tokens(hidden), layout=layout, **arguments)
    return (layout.rows(outputs[0]), *outputs[1:]) if isinstance(outputs, tuple) else layout.rows(outputs)
