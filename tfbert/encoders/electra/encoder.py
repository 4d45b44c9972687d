"""ElectraEncoder: ids -> vectors. T tokens, H hidden, E width of the token embedding."""

from __future__ import annotations

import keras

from tfbert.encoders.bert.encoder import BertEncoder
from tfbert.encoders.electra.config import ElectraConfig


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
