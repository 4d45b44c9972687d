"""DistilBertEncoder: ids -> vectors. T tokens, H hidden."""

from __future__ import annotations

from typing import Any

import keras

from tfbert.encoders.distilbert.config import DistilBertConfig
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.layers import onnx
from tfbert.encoders.layers.blocks import encoder_blocks
from tfbert.encoders.layers.embeddings import BertEmbeddings
from tfbert.encoders.layers.heads import MaskedLanguageModelHead
from tfbert.encoders.layers.pooling import first_token_pooler


@keras.saving.register_keras_serializable("tfbert")
class DistilBertEncoder(Encoder):
    """The encoder of DistilBERT (Sanh et al. 2019; Hugging Face DistilBertModel): BERT's layers without segments.

    The text vector is the vector of [CLS] after a dense layer with ReLU, Hugging Face's `pre_classifier`.

    >>> config = DistilBertConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=1)
    >>> DistilBertEncoder(config)({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config_class = DistilBertConfig

    def __init__(self, config: DistilBertConfig | dict[str, Any], **kwargs: Any):
        super().__init__(config, **kwargs)
        c, common = self.config, {"dtype": self.dtype_policy}
        self.embeddings = BertEmbeddings(
            c.vocab_size,
            c.hidden_size,
            max_position_embeddings=c.max_position_embeddings,
            type_vocab_size=0,
            dropout=c.hidden_dropout_prob,
            layer_norm_eps=c.layer_norm_eps,
            initializer_range=c.initializer_range,
            name="embeddings",
            **common,
        )
        self.blocks = encoder_blocks(c, **common)
        self.pooler = first_token_pooler(c, **common)

    def build(self, input_shape: Any = None) -> None:
        shape = (None, None, self.hidden_size)
        self.embeddings.build((None, None))
        for block in self.blocks:
            block.build(shape, (None, None))
        self.pooler.build((None, self.hidden_size))
        self.built = True

    def embed(self, tokens: dict[str, Any], training: bool) -> Any:
        return self.embeddings(tokens["token_ids"], None, tokens["position_ids"], training=training)

    def text_vector(self, vectors: Any, training: bool = False) -> Any:
        return self.pooler(vectors)

    @property
    def token_embedding(self) -> keras.layers.Embedding:
        return self.embeddings.token

    def masked_language_model_head(self, name: str) -> keras.layers.Layer:
        return MaskedLanguageModelHead.of_encoder(self, name)

    def write_onnx(self, graph: Any) -> str:
        x = onnx.write_embeddings(graph, self.embeddings)
        return onnx.write_blocks(graph, self.config, self.blocks, x)

    def write_onnx_text_vector(self, graph: Any, sequence_output: str) -> str:
        return onnx.write_pooler(graph, self.config, self.pooler, sequence_output)
