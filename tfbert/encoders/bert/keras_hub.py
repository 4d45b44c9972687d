"""BERT in KerasHub's presets: its tensors, and the names in its JSON files.

Source: keras_hub 0.32, src/models/bert. Its backbone always computes GELU by tanh and its masked language model's head
always by erf, with an epsilon of its own.
"""

import dataclasses
from typing import Any

from tfbert.encoders.weight_table import BY_HEAD_IN, BY_HEAD_OUT, Row, WeightTable

_LAYER, _BLOCK = "layers/transformer_encoder{_i}", "block_{i}"
_ATTENTION = f"{_LAYER}/_self_attention_layer"

TABLE = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "layers/reversible_embedding/vars/0"),
        Row("embeddings/position/embeddings", "layers/position_embedding/vars/0"),
        Row("embeddings/segment/embeddings", "layers/embedding/vars/0"),
        Row("embeddings/layer_norm/gamma", "layers/layer_normalization/vars/0"),
        Row("embeddings/layer_norm/beta", "layers/layer_normalization/vars/1"),
        Row(f"{_BLOCK}/attention/query/kernel", f"{_ATTENTION}/query_dense/vars/0", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/query/bias", f"{_ATTENTION}/query_dense/vars/1", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/key/kernel", f"{_ATTENTION}/key_dense/vars/0", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/key/bias", f"{_ATTENTION}/key_dense/vars/1", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/value/kernel", f"{_ATTENTION}/value_dense/vars/0", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/value/bias", f"{_ATTENTION}/value_dense/vars/1", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/output/kernel", f"{_ATTENTION}/output_dense/vars/0", BY_HEAD_IN),
        Row(f"{_BLOCK}/attention/output/bias", f"{_ATTENTION}/output_dense/vars/1"),
        Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}/_self_attention_layer_norm/vars/0"),
        Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}/_self_attention_layer_norm/vars/1"),
        Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}/_feedforward_intermediate_dense/vars/0"),
        Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}/_feedforward_intermediate_dense/vars/1"),
        Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}/_feedforward_output_dense/vars/0"),
        Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}/_feedforward_output_dense/vars/1"),
        Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}/_feedforward_layer_norm/vars/0"),
        Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}/_feedforward_layer_norm/vars/1"),
    ),
    pooler=(
        Row("pooler/kernel", "layers/dense/vars/0"),
        Row("pooler/bias", "layers/dense/vars/1"),
    ),
    heads={  # in a file of their own
        "predictions": (
            Row("predictions/transform/kernel", "layers/masked_lm_head/_intermediate_dense/vars/0"),
            Row("predictions/transform/bias", "layers/masked_lm_head/_intermediate_dense/vars/1"),
            Row("predictions/layer_norm/gamma", "layers/masked_lm_head/_intermediate_layer_norm/vars/0"),
            Row("predictions/layer_norm/beta", "layers/masked_lm_head/_intermediate_layer_norm/vars/1"),
            Row("predictions/output_bias", "layers/masked_lm_head/vars/0"),
        ),
        "classifier": (
            Row("classifier/kernel", "layers/dense/vars/0"),
            Row("classifier/bias", "layers/dense/vars/1"),
        ),
    },
)


@dataclasses.dataclass(frozen=True)
class Preset:
    """How KerasHub names a family.

    Args:
        class_prefix: the start of its class names: "Bert" of BertBackbone.
        module: its module's name: "bert" of keras_hub.src.models.bert.bert_backbone.
        sizes: {argument of its backbone: field of the configuration}.
        constants: fields that its classes fix.
    """

    class_prefix: str
    module: str
    sizes: dict[str, str]
    constants: dict[str, Any]


PRESET = Preset(
    class_prefix="Bert",
    module="bert",
    sizes={
        "vocabulary_size": "vocab_size",
        "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads",
        "hidden_dim": "hidden_size",
        "intermediate_dim": "intermediate_size",
        "dropout": "hidden_dropout_prob",
        "max_sequence_length": "max_position_embeddings",
        "num_segments": "type_vocab_size",
    },
    constants={
        "hidden_act": "gelu_new",
        "layer_norm_eps": 1e-12,
        "predictions_act": "gelu",
        "predictions_layer_norm_eps": 1e-5,
    },
)
