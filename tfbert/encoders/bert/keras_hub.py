"""BERT in KerasHub's presets: its tensors, and the names in its JSON files.

Source: keras_hub 0.32, src/models/bert. Its backbone always computes GELU by tanh and its masked language model's head
always by erf, with an epsilon of its own.
"""

from tfbert.encoders.keras_hub import PREDICTIONS, Preset, block, dense, norm
from tfbert.encoders.weight_table import Row, WeightTable

# Other families have these, too.
EMBEDDINGS = (
    Row("embeddings/token/embeddings", "layers/reversible_embedding/vars/0"),
    Row("embeddings/position/embeddings", "layers/position_embedding/vars/0"),
    Row("embeddings/segment/embeddings", "layers/embedding/vars/0"),
    *norm("embeddings/layer_norm", "layers/layer_normalization"),
)
SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "dropout": "hidden_dropout_prob",
    "max_sequence_length": "max_position_embeddings",
}

TABLE = WeightTable(
    encoder=(*EMBEDDINGS, *block("block_{i}", "layers/transformer_encoder{_i}")),
    pooler=dense("pooler", "layers/dense"),
    heads={"predictions": PREDICTIONS, "classifier": dense("classifier", "layers/dense")},  # in a file of their own
)

PRESET = Preset(
    class_prefix="Bert",
    module="bert",
    sizes={**SIZES, "num_segments": "type_vocab_size"},
    constants={
        "hidden_act": "gelu_new",
        "layer_norm_eps": 1e-12,
        "predictions_act": "gelu",
        "predictions_layer_norm_eps": 1e-5,
    },
    tasks=("MaskedLM", "TextClassifier", "TextEmbedder"),
)
