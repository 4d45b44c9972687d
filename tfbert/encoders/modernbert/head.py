"""PredictionHead: what stands between ModernBERT and the last layer of each of its heads. H hidden."""

from __future__ import annotations

from typing import Any

import keras

from tfbert.encoders.layers.activations import activation
from tfbert.encoders.layers.dense import Dense, LayerNorm
from tfbert.encoders.layers.initializers import TruncatedNormal
from tfbert.encoders.modernbert.config import ModernBertConfig


class PredictionHead(keras.layers.Layer):
    """A dense layer with an activation, and a LayerNorm: vectors [..., H] -> [..., H] (Hugging Face
    ModernBertPredictionHead).

    >>> PredictionHead(ModernBertConfig(hidden_size=24))(keras.ops.ones((1, 24))).shape
    TensorShape([1, 24])
    """

    def __init__(self, config: ModernBertConfig, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.hidden_size, self.hidden_act = config.hidden_size, config.pooler_act
        self.dense = Dense(
            config.hidden_size,
            activation=activation(config.pooler_act),
            use_bias=config.classifier_bias,
            kernel_initializer=TruncatedNormal(stddev=config.initializer_range, always_drawn=True),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.norm = LayerNorm(
            epsilon=config.layer_norm_eps, center=config.norm_bias, dtype=self.dtype_policy, name="norm"
        )

    def build(self, shape: Any) -> None:
        self.dense.build((None, self.hidden_size))
        self.norm.build((None, self.hidden_size))

    def call(self, vectors: Any) -> Any:
        return self.norm(self.dense(vectors))

    def write_onnx(self, graph: Any, vectors: str, name: str) -> str:
        """Adds the head of [..., H] to a graph; returns the name of its output."""
        dense = graph.activation(self.hidden_act, graph.dense(self.dense, vectors, "pooler.dense"))
        return graph.layer_norm(self.norm, dense, name, weights="pooler.norm")
