"""ElectraEncoder: ids -> vectors. T tokens, H hidden, E width of the token embedding."""

from __future__ import annotations

import keras

from tfbert.encoders.bert.encoder import BertEncoder
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.electra.config import ElectraConfig
from tfbert.encoders.layers.heads import ReplacedTokenHead


@keras.saving.register_keras_serializable("tfbert")
class ElectraEncoder(BertEncoder):
    """The encoder of ELECTRA (Clark et al. 2020; Hugging Face ElectraModel): BERT's layers, with a projected embedding.

    Inputs and outputs are those of `BertEncoder`. The text vector is the vector of [CLS] after a dense layer with GELU,
    which stands in the head of Hugging Face's classifier.

    >>> config = ElectraConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=1, embedding_size=4)
    >>> ElectraEncoder(config)({"token_ids": keras.ops.ones((1, 3), "int32")})["pooled_output"].shape
    TensorShape([1, 8])
    """

    config: ElectraConfig
    config_class = ElectraConfig
    pools_in_classifier = True
    tells_replaced_tokens = True

    def replaced_token_head(self, name: str) -> keras.layers.Layer:
        config = self.config
        return ReplacedTokenHead(
            config.hidden_size,
            hidden_act=config.hidden_act,
            initializer_range=config.initializer_range,
            dtype=self.dtype_policy,
            name=name,
        )

    def with_same_embeddings(self, config: EncoderConfig) -> ElectraEncoder:
        assert isinstance(config, ElectraConfig)
        # The name is the same, too: by it the variables of both are found below it.
        return type(self)(config, embeddings=self.embeddings, dtype=self.dtype_policy, name=self.name)
