"""BertEncoder: ids -> vectors. T tokens, H hidden, E width of the token embedding."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.layers import onnx
from tfbert.encoders.layers.blocks import EncoderBlock, encoder_blocks
from tfbert.encoders.layers.dense import dense
from tfbert.encoders.layers.dropout import Dropout
from tfbert.encoders.layers.embeddings import BertEmbeddings
from tfbert.encoders.layers.heads import MaskedLanguageModelHead
from tfbert.encoders.layers.pooling import first_token_pooler


@keras.saving.register_keras_serializable("tfbert")
class BertEncoder(Encoder):
    """The bidirectional encoder of BERT (Devlin et al. 2018; Hugging Face BertModel).

    Inputs and outputs are those of `Encoder`; `segment_ids` [B, S] default to 0. The text vector is the vector of [CLS]
    after the pooler, a dense layer with tanh.

    >>> encoder = BertEncoder(BertConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=1))
    >>> encoder({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config: BertConfig
    config_class = BertConfig
    input_names: ClassVar[tuple[str, ...]] = ("token_ids", "segment_ids", "padding_mask")
    # Whether the pooler is a layer of Hugging Face's classifier, with dropout before it.
    pools_in_classifier: ClassVar[bool] = False
    # Whether the blocks have rotary positions, and the embeddings none.
    has_rotary_positions: ClassVar[bool] = False

    def __init__(self, config: BertConfig | dict[str, Any], *, embeddings: BertEmbeddings | None = None, **kwargs: Any):
        """`embeddings` are those of another encoder, which both read and train."""
        super().__init__(config, **kwargs)
        c, common = self.config, {"dtype": self.dtype_policy}
        self.embeddings = embeddings or BertEmbeddings(
            c.vocab_size,
            c.embedding_width,
            max_position_embeddings=0 if self.has_rotary_positions else c.max_position_embeddings,
            type_vocab_size=c.type_vocab_size,
            dropout=c.hidden_dropout_prob,
            layer_norm_eps=c.layer_norm_eps,
            initializer_range=c.initializer_range,
            name="embeddings",
            **common,
        )
        self.projection = None
        if c.is_projected:
            self.projection = dense(c.hidden_size, c.initializer_range, "projection", self.dtype_policy)
        self.blocks = self.make_blocks(**common)
        self.pooler_dropout = None
        if self.pools_in_classifier:
            self.pooler_dropout = Dropout(self.head_dropout, name="pooler_dropout", **common)
        self.pooler = first_token_pooler(c, **common)

    def make_blocks(self, **common: Any) -> list[EncoderBlock]:
        """The blocks of all layers."""
        return encoder_blocks(self.config, **common)

    def build(self, input_shape: Any = None) -> None:
        shape = (None, None, self.hidden_size)
        if not self.embeddings.built:  # they may be another encoder's
            self.embeddings.build((None, None), (None, None))
        if self.projection is not None:
            self.projection.build((None, self.config.embedding_width))
        for block in self.blocks:
            if not block.built:  # one block may stand for several layers
                block.build(shape, (None, None))
        self.pooler.build((None, self.hidden_size))
        self.built = True

    def embed(self, tokens: dict[str, Any], training: bool) -> Any:
        segment_ids = tokens.get("segment_ids")
        if segment_ids is None:
            segment_ids = ops.zeros_like(tokens["token_ids"])
        embedded = self.embeddings(tokens["token_ids"], segment_ids, tokens["position_ids"], training=training)
        return embedded if self.projection is None else ops.cast(self.projection(embedded), embedded.dtype)

    def text_vector(self, vectors: Any, training: bool = False) -> Any:
        if self.pooler_dropout is not None:
            vectors = self.pooler_dropout(vectors, training=training)
        return self.pooler(vectors)

    @property
    def token_embedding(self) -> keras.layers.Embedding:
        return self.embeddings.token

    def masked_language_model_head(self, name: str) -> keras.layers.Layer:
        return MaskedLanguageModelHead.of_encoder(self, name)

    def write_onnx(self, graph: Any) -> str:
        x = self.write_onnx_embeddings(graph)
        if self.projection is not None:
            x = graph.dense(self.projection, x, "projection")
        return onnx.write_blocks(graph, self.config, self.blocks, x)

    def write_onnx_embeddings(self, graph: Any) -> str:
        """Adds the embeddings; returns the name of [B, S, E]."""
        return onnx.write_embeddings(graph, self.embeddings)

    def write_onnx_text_vector(self, graph: Any, sequence_output: str) -> str:
        return onnx.write_pooler(graph, self.config, self.pooler, sequence_output)
