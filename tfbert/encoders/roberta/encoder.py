"""RobertaEncoder and its kin: ids -> vectors. B batch, S sequence, T tokens, H hidden."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfbert.encoders.bert.encoder import BertEncoder
from tfbert.encoders.layers import onnx
from tfbert.encoders.roberta.config import CamembertConfig, RobertaConfig, XlmRobertaConfig


@keras.saving.register_keras_serializable("tfbert")
class RobertaEncoder(BertEncoder):
    """The encoder of RoBERTa (Liu et al. 2019; Hugging Face RobertaModel): BERT's layers without segments.

    Positions count the tokens that are not padding, from the padding id + 1 on. The text vector is the vector of <s>
    after a dense layer with tanh.

    >>> encoder = RobertaEncoder(RobertaConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=1))
    >>> encoder({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config: RobertaConfig
    config_class = RobertaConfig
    input_names = ("token_ids", "padding_mask")
    pools_in_classifier = True

    def position_ids(self, inputs: dict[str, Any]) -> Any:
        """As Hugging Face's create_position_ids_from_input_ids, but from 0 on; a padding id has -1."""
        is_token = ops.cast(ops.not_equal(inputs["token_ids"], self.config.pad_token_id), "int32")
        return ops.cumsum(is_token, axis=1) * is_token - 1

    def embed(self, tokens: dict[str, Any], training: bool) -> Any:
        positions = tokens["position_ids"] + (self.config.pad_token_id + 1)
        return super().embed({**tokens, "position_ids": positions}, training)

    def write_onnx_embeddings(self, graph: Any) -> str:
        padding = graph.weight("padding_id", np.array(self.config.pad_token_id, np.int32))
        is_token = graph.cast(graph.op("Not", graph.op("Equal", "token_ids", padding)), "int32")
        count = graph.op("CumSum", is_token, graph.weight("axis", np.array(1, np.int32)))
        positions = graph.op("Add", graph.op("Mul", count, is_token), padding)
        return onnx.write_embeddings(graph, self.embeddings, position_ids=positions, segment_ids=None)


@keras.saving.register_keras_serializable("tfbert")
class XlmRobertaEncoder(RobertaEncoder):
    """The encoder of XLM-RoBERTa (Conneau et al. 2020; Hugging Face XLMRobertaModel).

    >>> XlmRobertaEncoder(XlmRobertaConfig(vocab_size=9, hidden_size=8, num_attention_heads=2)).vocab_size
    9
    """

    config_class = XlmRobertaConfig


@keras.saving.register_keras_serializable("tfbert")
class CamembertEncoder(RobertaEncoder):
    """The encoder of CamemBERT (Martin et al. 2020; Hugging Face CamembertModel).

    >>> CamembertEncoder(CamembertConfig(vocab_size=9, hidden_size=8, num_attention_heads=2)).vocab_size
    9
    """

    config_class = CamembertConfig
