"""DebertaV2Encoder: ids -> vectors. T tokens, H hidden."""

from __future__ import annotations

from typing import Any

import keras

from tfbert.encoders.deberta.config import DebertaV2Config
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.layers import onnx
from tfbert.encoders.layers.blocks import encoder_block
from tfbert.encoders.layers.disentangled import DisentangledAttention, RelativeEmbeddings
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.embeddings import BertEmbeddings
from tfbert.encoders.layers.heads import MaskedLanguageModelHead
from tfbert.encoders.layers.pooling import first_token_pooler


@keras.saving.register_keras_serializable("tfbert")
class DebertaV2Encoder(Encoder):
    """The encoder of DeBERTa-v2 and -v3 (He et al. 2021; Hugging Face DebertaV2Model).

    BERT's layers without positions and segments; attention reads how far tokens stand from each other. `position_ids`
    change nothing. The text vector is the vector of [CLS] after a dense layer with GELU, the pooler of Hugging Face's
    classifier.

    >>> config = DebertaV2Config(hidden_size=8, num_attention_heads=2, num_hidden_layers=1, vocab_size=9)
    >>> DebertaV2Encoder(config)({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config: DebertaV2Config
    config_class = DebertaV2Config

    def __init__(self, config: DebertaV2Config | dict[str, Any], **kwargs: Any):
        super().__init__(config, **kwargs)
        c, common = self.config, {"dtype": self.dtype_policy}
        normal: dict[str, Any] = {"layer_norm_eps": c.layer_norm_eps, "initializer_range": c.initializer_range}
        self.embeddings = BertEmbeddings(
            c.vocab_size,
            c.hidden_size,
            max_position_embeddings=0,
            type_vocab_size=0,
            dropout=c.hidden_dropout_prob,
            name="embeddings",
            **normal,
            **common,
        )
        self.relative = RelativeEmbeddings(
            2 * c.position_buckets, c.hidden_size, farthest=c.farthest, name="relative", **normal, **common
        )
        self.blocks = [self._block(i, **common) for i in range(c.num_hidden_layers)]
        self.pooler_dropout = Dropout(c.pooler_dropout, name="pooler_dropout", **common)
        self.pooler = first_token_pooler(c, **common)

    def _block(self, i, **common):
        c = self.config
        attention = DisentangledAttention(
            c.hidden_size,
            c.num_attention_heads,
            relative=self.relative,
            relative_dropout=c.hidden_dropout_prob,
            dropout=c.attention_probs_dropout_prob,
            initializer_range=c.initializer_range,
            name="attention",
            **common,
        )
        return encoder_block(c, f"block_{i}", attention=attention, **common)

    def build(self, input_shape: Any = None) -> None:
        self.embeddings.build((None, None))
        self.relative.build()
        for block in self.blocks:
            block.build((None, None, self.hidden_size), (None, None))
        self.pooler.build((None, self.hidden_size))
        self.built = True

    def embed(self, tokens: dict[str, Any], training: bool) -> Any:
        return self.embeddings(tokens["token_ids"], training=training)

    def text_vector(self, vectors: Any, training: bool = False) -> Any:
        return self.pooler(self.pooler_dropout(vectors, training=training))

    @property
    def token_embedding(self) -> keras.layers.Embedding:
        return self.embeddings.token

    def flops_per_token(self, length: float, predictions: float) -> float:
        """As of any encoder, and the products of each query and key with the vectors of all distances."""
        distances = self.config.num_hidden_layers * 2 * 2 * 2 * self.config.position_buckets * self.hidden_size
        return super().flops_per_token(length, predictions) + 3 * distances

    def masked_language_model_head(self, name: str) -> keras.layers.Layer:
        return MaskedLanguageModelHead.of_encoder(self, name)

    def write_onnx(self, graph: Any) -> str:
        self.relative.write_onnx(graph, self.max_tokens)
        return onnx.write_blocks(graph, self.config, self.blocks, onnx.write_embeddings(graph, self.embeddings))

    def write_onnx_text_vector(self, graph: Any, sequence_output: str) -> str:
        return onnx.write_pooler(graph, self.config, self.pooler, sequence_output)
