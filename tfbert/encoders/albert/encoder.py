"""AlbertEncoder: ids -> vectors."""

from __future__ import annotations

from typing import Any

import keras

from tfbert.encoders.albert.config import AlbertConfig
from tfbert.encoders.bert.encoder import BertEncoder
from tfbert.encoders.layers.blocks import EncoderBlock, encoder_block


@keras.saving.register_keras_serializable("tfbert")
class AlbertEncoder(BertEncoder):
    """The encoder of ALBERT (Lan et al. 2020; Hugging Face AlbertModel): one block of BERT for all layers.

    Inputs, outputs and text vector are those of `BertEncoder`. A dense layer leads from E to H.

    >>> config = AlbertConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=3, embedding_size=4)
    >>> AlbertEncoder(config)({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config: AlbertConfig
    config_class = AlbertConfig

    def make_blocks(self, **common: Any) -> list[EncoderBlock]:
        return [encoder_block(self.config, "block", **common)] * self.config.num_hidden_layers
