"""RoBERTa and XLM-RoBERTa in KerasHub's presets: their tensors, and the names in their JSON files.

Source: keras_hub 0.32, src/models/roberta and xlm_roberta. Its position table has no rows before the first token's,
and it has no segment, whose vector is a part of the positions there. The pooler is a layer of its classifier.
"""

import dataclasses

from tfbert.encoders.bert.keras_hub import SIZES
from tfbert.encoders.keras_hub import PREDICTIONS, Preset, block, dense, norm
from tfbert.encoders.weight_table import Row, WeightTable

_EMBEDDINGS = "layers/token_and_position_embedding"
_PADDING_ID = 1
_SKIPPED = _PADDING_ID + 1

TABLE = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", f"{_EMBEDDINGS}/token_embedding/vars/0"),
        Row(
            "embeddings/position/embeddings",
            f"{_EMBEDDINGS}/position_embedding/vars/0",
            skips=_SKIPPED,
            plus="embeddings/segment/embeddings",
        ),
        *norm("embeddings/layer_norm", "layers/layer_normalization"),
        *block("block_{i}", "layers/transformer_encoder{_i}"),
    ),
    heads={
        "predictions": PREDICTIONS,
        "classifier": (*dense("pooler", "layers/dense"), *dense("classifier", "layers/dense_1")),
    },
)

ROBERTA = Preset(
    class_prefix="Roberta",
    module="roberta",
    sizes=SIZES,
    constants={
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "pad_token_id": _PADDING_ID,
        "type_vocab_size": 1,
    },
    vocabulary="vocabulary.json",
    skipped_positions=_SKIPPED,
)
XLM_ROBERTA = dataclasses.replace(
    ROBERTA,
    class_prefix="XLMRoberta",
    module="xlm_roberta",
    tasks=("MaskedLM", "TextClassifier", "TextEmbedder"),
    vocabulary="vocabulary.spm",
    numbering="XLMRobertaTokenizer",
)
