"""The tensors of DeBERTa-v2 and -v3 in Hugging Face's files, with the shapes of all variables.

Source of the names: transformers/models/deberta_v2/modeling_deberta_v2.py. It has no seq_relationship or
tag_transitions; here they have BERT's names.
"""

import dataclasses

from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.deberta.config import DebertaV2Config
from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable, torch_block

_LAYER, _BLOCK = "encoder.layer.{i}", "block_{i}"

_NEWER_PREDICTIONS: tuple[Row, ...] = (
    Row("predictions/transform/kernel", "lm_predictions.lm_head.dense.weight", TRANSPOSED, shape="H H"),
    Row("predictions/transform/bias", "lm_predictions.lm_head.dense.bias", shape="H"),
    Row("predictions/layer_norm/gamma", "lm_predictions.lm_head.LayerNorm.weight", shape="H"),
    Row("predictions/layer_norm/beta", "lm_predictions.lm_head.LayerNorm.bias", shape="H"),
    Row("predictions/output_bias", "lm_predictions.lm_head.bias", shape="V"),
)

_TABLE = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight", shape="V H"),
        Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight", shape="H"),
        Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias", shape="H"),
        Row("relative/embeddings", "encoder.rel_embeddings.weight", shape="B H"),
        Row("relative/layer_norm/gamma", "encoder.LayerNorm.weight", shape="H"),
        Row("relative/layer_norm/beta", "encoder.LayerNorm.bias", shape="H"),
        *torch_block(
            _BLOCK,
            _LAYER,
            {
                "attention/query": "attention.self.query_proj",
                "attention/key": "attention.self.key_proj",
                "attention/value": "attention.self.value_proj",
                "attention/output": "attention.output.dense",
                "attention_norm": "attention.output.LayerNorm",
                "feed_forward/intermediate": "intermediate.dense",
                "feed_forward/output": "output.dense",
                "output_norm": "output.LayerNorm",
            },
        ),
    ),
    pooler=tuple(row._replace(outside=True) for row in bert.POOLER),
    heads=bert.HEADS,
    prefix="deberta.",
)


def table(config: DebertaV2Config) -> WeightTable:
    """The rows of a network of this configuration."""
    predictions = _NEWER_PREDICTIONS
    if config.legacy:  # published files of v3 have the newer names though their configuration does not say so
        older = bert.table(config).heads["predictions"]
        predictions = (*older, *(row._replace(is_written=False) for row in _NEWER_PREDICTIONS))
    return dataclasses.replace(_TABLE, heads={**bert.HEADS, "predictions": predictions})
