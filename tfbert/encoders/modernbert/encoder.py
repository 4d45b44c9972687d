"""ModernBertEncoder: ids -> vectors. B batch, S sequence, T tokens, H hidden."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfbert.encoders.encoder import Encoder
from tfbert.encoders.layers import onnx, onnx_rotary
from tfbert.encoders.layers.dense import LayerNorm
from tfbert.encoders.layers.embeddings import BertEmbeddings
from tfbert.encoders.layers.heads import MaskedLanguageModelHead
from tfbert.encoders.layers.layout import Layout
from tfbert.encoders.layers.pooling import SentencePooling
from tfbert.encoders.layers.pre_norm import PreNormBlock
from tfbert.encoders.layers.rotary import rotaries
from tfbert.encoders.modernbert.config import ModernBertConfig
from tfbert.encoders.modernbert.head import PredictionHead


@keras.saving.register_keras_serializable("tfbert")
class ModernBertEncoder(Encoder):
    """The encoder of ModernBERT (Warner et al. 2024; Hugging Face ModernBertModel), also of Ettin and mmBERT.

    Its positions are rotary. Every n-th layer attends to the whole text, the others to near tokens. It has no segments.
    The text vector is the first token's vector, or the mean of all tokens', after a dense layer and a LayerNorm, which
    heads of single tokens have before them, too.

    >>> config = ModernBertConfig(vocab_size=9, hidden_size=8, num_attention_heads=2, num_hidden_layers=1)
    >>> ModernBertEncoder(config)({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config: ModernBertConfig
    config_class = ModernBertConfig
    pools_tokens = True

    def __init__(self, config: ModernBertConfig | dict[str, Any], **kwargs: Any):
        super().__init__(config, **kwargs)
        c, common = self.config, {"dtype": self.dtype_policy}
        self.embeddings = BertEmbeddings(
            c.vocab_size,
            c.hidden_size,
            max_position_embeddings=0,
            type_vocab_size=0,
            dropout=c.hidden_dropout_prob,
            layer_norm_eps=c.layer_norm_eps,
            initializer_range=c.initializer_range,
            norm_bias=c.norm_bias,
            name="embeddings",
            **common,
        )
        self.blocks = [self._block(i) for i in range(c.num_hidden_layers)]
        self.final_norm = LayerNorm(epsilon=c.layer_norm_eps, center=c.norm_bias, name="final_norm", **common)
        self.pooler = PredictionHead(c, name="pooler", **common)
        self.mean = SentencePooling("mean", normalize=False, dtype="float32", name="mean")

    def _block(self, number):
        c = self.config
        return PreNormBlock(
            c.hidden_size,
            c.num_attention_heads,
            c.intermediate_size,
            theta=c.global_rope_theta if c.is_global(number) else c.local_rope_theta,
            reach=None if c.is_global(number) else c.reach,
            hidden_act=c.hidden_act,
            attention_dropout=c.attention_probs_dropout_prob,
            feed_forward_dropout=c.mlp_dropout,
            attention_bias=c.attention_bias,
            feed_forward_bias=c.mlp_bias,
            norm_bias=c.norm_bias,
            layer_norm_eps=c.layer_norm_eps,
            initializer_range=c.initializer_range,
            has_attention_norm=number > 0,
            dtype=self.dtype_policy,
            name=f"block_{number}",
        )

    def build(self, input_shape: Any = None) -> None:
        shape = (None, None, self.hidden_size)
        self.embeddings.build((None, None))
        for block in self.blocks:
            block.build(shape, (None, None))
        self.final_norm.build(shape)
        self.pooler.build(shape)
        self.built = True

    def flops_per_token(self, length: float, predictions: float) -> float:
        c, hidden = self.config, self.hidden_size
        seen = sum(
            length if c.is_global(layer) else min(length, 2 * c.reach + 1) for layer in range(c.num_hidden_layers)
        )
        layers = c.num_hidden_layers * 2 * (4 * hidden**2 + 3 * hidden * c.intermediate_size) + 4 * seen * hidden
        return 3 * (layers + predictions / length * 2 * (hidden**2 + hidden * self.vocab_size))

    def embed(self, tokens: dict[str, Any], training: bool) -> Any:
        return self.embeddings(tokens["token_ids"], training=training)

    def block_inputs(self, tokens: dict[str, Any]) -> dict[str, Any]:
        thetas = [block.attention.theta for block in self.blocks]
        return {"rotary": rotaries(tokens["position_ids"], self.config.head_size, thetas)}

    def finish(self, hidden: Any) -> Any:
        return self.final_norm(hidden)

    def first_vectors(self, hidden: Any, layout: Layout, inputs: dict[str, Any]) -> Any:
        if self.config.classifier_pooling == "cls":
            return layout.first(hidden)
        mask, sequence_ids = inputs.get("padding_mask"), inputs.get("sequence_ids")
        mask = ops.ones_like(inputs["token_ids"]) if mask is None else mask
        if sequence_ids is not None:  # the text of a packed row is its first
            mask = mask * ops.cast(sequence_ids == sequence_ids[:, :1], mask.dtype)
        return self.mean(layout.rows(hidden), mask)

    def token_vectors(self, vectors: Any, training: bool = False) -> Any:
        return self.pooler(vectors)

    def text_vector(self, vectors: Any, training: bool = False) -> Any:
        return self.pooler(vectors)

    @property
    def token_embedding(self) -> keras.layers.Embedding:
        return self.embeddings.token

    def masked_language_model_head(self, name: str) -> keras.layers.Layer:
        c = self.config
        return MaskedLanguageModelHead(
            self.token_embedding,
            hidden_act=c.pooler_act,
            layer_norm_eps=c.layer_norm_eps,
            initializer_range=c.initializer_range,
            tied=c.tie_word_embeddings,
            use_bias=c.classifier_bias,
            norm_bias=c.norm_bias,
            dtype=self.dtype_policy,
            name=name,
        )

    def write_onnx(self, graph: Any) -> str:
        x = onnx.write_embeddings(graph, self.embeddings)
        bias, rotary = onnx.write_mask(graph), onnx_rotary.RotaryNodes(graph, self.config.head_size)
        for block in self.blocks:
            x = onnx_rotary.write_pre_norm_block(graph, self.config, block, x, bias, rotary)
        return graph.layer_norm(self.final_norm, x, "sequence_output", weights="final_norm")

    def write_onnx_token_vectors(self, graph: Any, sequence_output: str) -> str:
        return self.pooler.write_onnx(graph, sequence_output, "token_vectors")

    def write_onnx_text_vector(self, graph: Any, sequence_output: str) -> str:
        if self.config.classifier_pooling == "cls":
            first = graph.first_token(sequence_output)
        else:
            first = onnx.write_mean(graph, sequence_output)
        return self.pooler.write_onnx(graph, first, "pooled_output")
