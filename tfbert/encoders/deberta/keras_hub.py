"""DeBERTa-v3 in KerasHub's presets: its tensors, and the names in its JSON files.

Source: keras_hub 0.32, src/models/deberta_v3. Its masked language model's head has an epsilon of its own. The pooler is
a layer of its classifier.
"""

import dataclasses
from typing import Any

from tfbert.encoders.bert.keras_hub import SIZES
from tfbert.encoders.keras_hub import PREDICTIONS, Preset, block, dense, norm
from tfbert.encoders.weight_table import AS_IS, Row, WeightTable

TABLE = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "layers/reversible_embedding/vars/0"),
        *norm("embeddings/layer_norm", "layers/layer_normalization"),
        Row("relative/embeddings", "layers/relative_embedding/vars/0"),
        *norm("relative/layer_norm", "layers/relative_embedding/layer_norm"),
        *block("block_{i}", "layers/disentangled_attention_encoder{_i}", prefix="_", output=AS_IS),
    ),
    heads={
        "predictions": PREDICTIONS,
        "classifier": (*dense("pooler", "layers/dense"), *dense("classifier", "layers/dense_1")),
    },
)

PRESET = Preset(
    class_prefix="DebertaV3",
    module="deberta_v3",
    sizes={**SIZES, "bucket_size": "position_buckets"},
    constants={
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-7,
        "predictions_layer_norm_eps": 1e-5,
        "max_relative_positions": None,  # its last bucket is that of max_sequence_length
    },
    pooler_act="gelu",
    vocabulary="vocabulary.spm",
    classifier_dropout="pooler_dropout",
)


def fitted(weights: Any) -> Any:
    """As `Preset.fitted`; a last bucket that is written out is the same network."""
    c = weights.config
    if c.farthest == c.max_position_embeddings:
        c = dataclasses.replace(c, max_relative_positions=None)
    return PRESET.fitted(weights, c)
