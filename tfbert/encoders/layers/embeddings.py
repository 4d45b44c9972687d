"""Token, position and segment embeddings. B batch, S sequence, T tokens, H hidden."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfbert.encoders.layers.dense import LayerNorm, at_least_float32
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.initializers import TruncatedNormal


@keras.saving.register_keras_serializable("tfbert")
class BertEmbeddings(keras.layers.Layer):
    """Sum of the three embeddings, normalized (Devlin et al. 2018, figure 2).

    Inputs: token_ids int [B, S], with S at most `max_position_embeddings`; segment_ids int [B, S], None if
    `type_vocab_size` is 0 (no segments); position_ids int [B, S], by default 0, 1, 2, …, and not read if
    `max_position_embeddings` is 0 (no positions). Output: [B, S, H]. Or tokens [T], with position_ids, to [T, H]. The
    sum and LayerNorm are computed in float32 at least.

    >>> ids = keras.ops.zeros((1, 2), "int32")
    >>> BertEmbeddings(100, 8, max_position_embeddings=16)(ids, ids).shape
    TensorShape([1, 2, 8])
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        *,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        dropout: float = 0.1,
        layer_norm_eps: float = 1e-12,
        initializer_range: float = 0.02,
        norm_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.max_position_embeddings, self.type_vocab_size = max_position_embeddings, type_vocab_size
        self.dropout_rate, self.layer_norm_eps = dropout, layer_norm_eps
        self.initializer_range, self.norm_bias = initializer_range, norm_bias
        table = {
            "embeddings_initializer": TruncatedNormal(stddev=initializer_range),
            "dtype": self.variable_dtype,
        }
        self.token = keras.layers.Embedding(vocab_size, hidden_size, name="token", **table)
        self.position = self.segment = None
        if max_position_embeddings:
            self.position = keras.layers.Embedding(max_position_embeddings, hidden_size, name="position", **table)
        if type_vocab_size:
            self.segment = keras.layers.Embedding(type_vocab_size, hidden_size, name="segment", **table)
        self.layer_norm = LayerNorm(
            epsilon=layer_norm_eps, center=norm_bias, dtype=self.dtype_policy, name="layer_norm"
        )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, token_ids_shape: Any, segment_ids_shape: Any = None, position_ids_shape: Any = None) -> None:
        for layer in (self.token, self.position, self.segment):
            if layer is not None:
                layer.build((None, None))
        self.layer_norm.build((None, None, self.hidden_size))

    def call(self, token_ids: Any, segment_ids: Any = None, position_ids: Any = None, training: bool = False) -> Any:
        x = self.token(token_ids)  # [B, S, H]
        if self.position is not None:
            if position_ids is None:
                position_ids = ops.arange(ops.shape(token_ids)[1], dtype="int32")
            x += self.position(position_ids)
        if self.segment is not None:
            # The segment table has a row or two. A product with one-hot rows has a dense gradient of that size; the
            # gradient of a gather would scatter B x S rows into it.
            # A quantized table is read by its layer.
            table = self.segment.embeddings
            if self.segment.quantization_mode is None:
                x += ops.matmul(ops.one_hot(segment_ids, self.type_vocab_size, dtype=table.dtype), table)
            else:
                x += self.segment(segment_ids)
        return self.dropout(self.layer_norm(x), training=training)

    def compute_output_spec(
        self, token_ids: Any, segment_ids: Any = None, position_ids: Any = None, training: bool = False
    ) -> Any:
        return keras.KerasTensor((*token_ids.shape, self.hidden_size), at_least_float32(self.variable_dtype))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "max_position_embeddings": self.max_position_embeddings,
            "type_vocab_size": self.type_vocab_size,
            "dropout": self.dropout_rate,
            "layer_norm_eps": self.layer_norm_eps,
            "initializer_range": self.initializer_range,
            "norm_bias": self.norm_bias,
        }
