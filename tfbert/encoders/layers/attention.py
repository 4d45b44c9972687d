"""Multi-head self-attention. B batch, S sequence, T tokens, H hidden, N heads, D head size; R sequences of L places."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf
from keras import ops

from tfbert.encoders.layers.dense import at_least_float32, dense
from tfbert.encoders.layers.derived import derived
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.layout import Layout, on_rows
from tfbert.encoders.layers.rotary import Rotary, near, rotated


@keras.saving.register_keras_serializable("tfbert")
class SelfAttention(keras.layers.Layer):
    """Scaled dot-product attention: every token attends to every token that is not padding.

    Inputs: hidden [B, S, H]; padding_mask bool or int [B, S] (1 = token), or [B, S, S] with 1 where the token of axis 1
    attends to the token of axis 2. Output: [B, S, H]; with `return_probs` also the attention probabilities
    [B, N, S, S]. With a `Layout` in place of the mask, hidden and output are its tokens' [T, H]. The softmax is
    computed in float32.
    Source: Vaswani et al. 2017, section 3.2; Hugging Face BertSelfAttention.

    Args:
        theta: the base of rotary positions (`tfbert.encoders.layers.rotary`), whose turns a call then gets as `rotary`;
            None without them.
        reach: with rotary positions, how many of them a token looks to either side; None for its whole sequence.

    >>> SelfAttention(4, 2)(keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 3))).shape
    TensorShape([1, 3, 4])
    """

    products: ClassVar[int] = 1  # how many products a score is the sum of; it is divided by the root of all their sizes

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        dropout: float = 0.1,
        initializer_range: float = 0.02,
        use_bias: bool = True,
        theta: float | None = None,
        reach: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        if reach is not None and theta is None:
            raise ValueError("a reach needs rotary positions: give a theta")
        self.use_bias, self.theta, self.reach = use_bias, theta, reach
        self.hidden_size, self.num_heads, self.dropout_rate = hidden_size, num_heads, dropout
        self.head_size, self.initializer_range = hidden_size // num_heads, initializer_range
        self._root = math.sqrt(self.products * self.head_size)  # that scores are divided by

        self.query, self.key, self.value, self.output_dense = (
            dense(hidden_size, initializer_range, name, self.dtype_policy, use_bias=use_bias)
            for name in ("query", "key", "value", "output")
        )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, hidden_shape: Any, padding_mask_shape: Any = None) -> None:
        for layer in (self.query, self.key, self.value, self.output_dense):
            layer.build((None, self.hidden_size))

    def call(
        self,
        hidden: Any,
        padding_mask: Any = None,
        *,
        layout: Layout | None = None,
        rotary: Mapping[float, Rotary] | None = None,
        training: bool = False,
        return_probs: bool = False,
    ) -> Any:
        if layout is None:
            return on_rows(self.call, hidden, padding_mask, rotary=rotary, training=training, return_probs=return_probs)
        if self.theta is not None and rotary is None:
            raise ValueError("attention with rotary positions needs `rotary`, the turns of its tokens")
        all_probs = []

        scores_of, given = self.scores(layout, training)

        def attended(qkv: Any, *more: Any) -> Any:  # [R, L, 3 x H], …, bias -> [R, L, H]
            *values, bias = more
            if self.reach is not None:
                *values, position_ids = values
                bias = near(position_ids, self.reach, bias)
            shape = ops.shape(qkv)[:2]
            qkv = ops.reshape(qkv, (*shape, 3, self.num_heads, self.head_size))
            query, key, value = ops.unstack(ops.transpose(qkv, (2, 0, 3, 1, 4)), 3)  # [R, N, L, D]
            # Scores are float32 for every compute dtype.
            scores = scores_of(query, key, *values)
            scores = ops.cast(scores, at_least_float32(scores.dtype))
            probs = ops.softmax(scores if bias is None else scores + ops.cast(bias, scores.dtype), axis=-1)
            all_probs.append(ops.cast(probs, self.compute_dtype))  # [R, N, L, L]
            context = ops.matmul(self.dropout(all_probs[-1], training=training), value)
            return ops.reshape(ops.transpose(context, (0, 2, 1, 3)), (*shape, self.hidden_size))

        qkv = tf.matmul(ops.cast(hidden, self.compute_dtype), self.qkv("kernel"))  # [T, 3 x H]
        if self.use_bias:
            qkv = tf.nn.bias_add(qkv, self.qkv("bias"))
        if self.theta is not None and rotary is not None:
            turns = rotary[self.theta]
            turned = rotated(qkv[:, : 2 * self.hidden_size], turns, self.head_size)
            qkv = ops.concatenate([turned, qkv[:, 2 * self.hidden_size :]], axis=-1)
            given = given if self.reach is None else (*given, turns.position_ids)
        output = self.output_dense(layout.attend(attended, qkv, *given))
        return (output, *all_probs) if return_probs else output

    def scores(self, layout: Layout, training: bool) -> tuple[Callable, tuple]:
        """How the scores are computed: a function, and what it asks for of the tokens, [T] each.

        The function: (query, key [R, N, L, D], what was asked for [R, L]) -> [R, N, L, L]. The query is scaled.
        """
        return _products, ()

    def write_onnx_scores(self, graph: Any, query: str, key: str, name: str) -> str:
        """Adds the scores [B, N, S, S] of query [B, N, S, D], which is not scaled, and key [B, N, D, S]."""
        return graph.op("Div", graph.op("MatMul", query, key), graph.number(self._root))

    def qkv(self, part: str) -> Any:
        """The kernels [H, 3 x H] or biases [3 x H] of the three layers, of the query with the scale of the scores."""
        return derived(self, part, functools.partial(self._qkv, part))

    def _qkv(self, part):
        query, key, value = (getattr(layer, part) for layer in (self.query, self.key, self.value))
        return ops.cast(
            ops.concatenate([query * (1.0 / self._root), key, value], axis=-1),
            self.compute_dtype,
        )

    def compute_output_spec(
        self, hidden: Any, padding_mask: Any = None, *, training: bool = False, return_probs: bool = False
    ) -> Any:
        output = keras.KerasTensor(hidden.shape, self.compute_dtype)
        batch, length = hidden.shape[:2]
        probs = keras.KerasTensor((batch, self.num_heads, length, length), self.compute_dtype)
        return (output, probs) if return_probs else output

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_size": self.hidden_size,
            "num_heads": self.num_heads,
            "dropout": self.dropout_rate,
            "initializer_range": self.initializer_range,
            "use_bias": self.use_bias,
            "theta": self.theta,
            "reach": self.reach,
        }


def _products(query, key):
    return ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
