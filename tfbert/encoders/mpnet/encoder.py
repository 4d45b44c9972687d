"""MPNetEncoder: ids -> vectors. B batch, S sequence, N heads, H hidden, P positions."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np

from tfbert.encoders.layers import onnx
from tfbert.encoders.layers.layout import Layout
from tfbert.encoders.layers.relative_bias import RelativeBias
from tfbert.encoders.mpnet.config import MPNetConfig
from tfbert.encoders.roberta.encoder import RobertaEncoder


@keras.saving.register_keras_serializable("tfbert")
class MPNetEncoder(RobertaEncoder):
    """The encoder of MPNet (Song et al. 2020; Hugging Face MPNetModel): RoBERTa's with a bias by distance.

    One table of biases is added to the scores of all layers. Inputs, outputs and text vector are those of
    `RobertaEncoder`.

    >>> encoder = MPNetEncoder(MPNetConfig(vocab_size=9, hidden_size=8, num_attention_heads=2, num_hidden_layers=1))
    >>> encoder({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config: Any  # an MPNetConfig, which is no RobertaConfig as it has no segments
    config_class: ClassVar[Any] = MPNetConfig

    def __init__(self, config: Any, **kwargs: Any):
        super().__init__(config, **kwargs)
        self.relative_bias = RelativeBias(
            self.config.num_attention_heads,
            initializer_range=self.config.initializer_range,
            dtype=self.dtype_policy,
            name="relative_bias",
        )

    def build(self, input_shape: Any = None) -> None:
        self.relative_bias.build()
        super().build(input_shape)

    def prepare(self, layout: Layout) -> None:
        layout.add_bias(self.relative_bias)

    def write_onnx(self, graph: Any) -> str:
        farthest = self.max_tokens - 1
        table = np.transpose(self.relative_bias.by_distance(farthest))  # [N, 2 x farthest + 1]
        places = onnx.write_distances(graph, "token_ids", farthest)
        table = graph.op("Identity", graph.weight("relative_bias", table.copy()))  # which int8 files keep as it is
        bias = graph.op("Gather", table, places, axis=1)  # [N, S, S]
        bias = graph.op("Unsqueeze", bias, axes=[0])
        return onnx.write_blocks(graph, self.config, self.blocks, self.write_onnx_embeddings(graph), bias=bias)
