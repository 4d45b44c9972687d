"""NomicBertEncoder: ids -> vectors. T tokens, H hidden."""

from __future__ import annotations

from typing import Any

import keras

from tfbert.encoders.bert.encoder import BertEncoder
from tfbert.encoders.layers import onnx
from tfbert.encoders.layers.blocks import EncoderBlock, encoder_blocks
from tfbert.encoders.layers.onnx_rotary import RotaryNodes
from tfbert.encoders.layers.rotary import rotaries
from tfbert.encoders.nomic_bert.config import NomicBertConfig


@keras.saving.register_keras_serializable("tfbert")
class NomicBertEncoder(BertEncoder):
    """The encoder of NomicBERT (Nussbaum et al. 2024; Hugging Face NomicBertModel).

    It is BERT with rotary positions, and with gated layers without biases. Inputs, outputs and text vector are those of
    `BertEncoder`.

    >>> encoder = NomicBertEncoder(NomicBertConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=1))
    >>> encoder({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config: NomicBertConfig
    config_class = NomicBertConfig
    has_rotary_positions = True

    def make_blocks(self, **common: Any) -> list[EncoderBlock]:
        return encoder_blocks(self.config, use_bias=False, gated=True, theta=self.config.rope_theta, **common)

    def block_inputs(self, tokens: dict[str, Any]) -> dict[str, Any]:
        c = self.config
        return {"rotary": rotaries(tokens["position_ids"], c.head_size, [c.rope_theta])}

    def flops_per_token(self, length: float, predictions: float) -> float:
        c = self.config
        gates = 3 * c.num_hidden_layers * 2 * c.hidden_size * c.intermediate_size
        return super().flops_per_token(length, predictions) + gates

    def write_onnx(self, graph: Any) -> str:
        x = self.write_onnx_embeddings(graph)
        rotary = RotaryNodes(graph, self.config.head_size)
        return onnx.write_blocks(graph, self.config, self.blocks, x, rotary=rotary)
