"""ALBERT in KerasHub's presets: its tensors, and the names in its JSON files.

Source: keras_hub 0.32, src/models/albert. Its masked language model's head has an epsilon of its own.
"""

from tfbert.encoders.bert.keras_hub import EMBEDDINGS, SIZES
from tfbert.encoders.keras_hub import PREDICTIONS, Preset, block, dense
from tfbert.encoders.weight_table import WeightTable

TABLE = WeightTable(
    encoder=(*EMBEDDINGS, *dense("projection", "layers/dense"), *block("block", "layers/transformer_encoder")),
    pooler=dense("pooler", "layers/dense_1"),
    heads={"predictions": PREDICTIONS, "classifier": dense("classifier", "layers/dense")},
)

PRESET = Preset(
    class_prefix="Albert",
    module="albert",
    sizes={**SIZES, "embedding_dim": "embedding_size", "num_segments": "type_vocab_size"},
    constants={"hidden_act": "gelu_new", "layer_norm_eps": 1e-12, "predictions_layer_norm_eps": 1e-5},
    fixed={"num_groups": 1, "num_inner_repetitions": 1},
    vocabulary="vocabulary.spm",
)
