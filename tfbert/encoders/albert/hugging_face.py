"""ALBERT's tensors in Hugging Face's files, with the shapes of all variables.

Source of the names: transformers/models/albert/modeling_albert.py. It has no tag_transitions; here they have BERT's
names.
"""

import dataclasses

from tfbert.encoders.albert.config import AlbertConfig
from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable, torch_block

_LAYER = "encoder.albert_layer_groups.0.albert_layers.0"

_DECODER = Row("predictions/decoder/embeddings", "predictions.decoder.weight", shape="V E")

_TIED = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight", shape="V E"),
        Row("embeddings/position/embeddings", "embeddings.position_embeddings.weight", shape="P E"),
        Row("embeddings/segment/embeddings", "embeddings.token_type_embeddings.weight", shape="T E"),
        Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight", shape="E"),
        Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias", shape="E"),
        Row("projection/kernel", "encoder.embedding_hidden_mapping_in.weight", TRANSPOSED, shape="E H"),
        Row("projection/bias", "encoder.embedding_hidden_mapping_in.bias", shape="H"),
        *torch_block(
            "block",
            _LAYER,
            {
                "attention/query": "attention.query",
                "attention/key": "attention.key",
                "attention/value": "attention.value",
                "attention/output": "attention.dense",
                "attention_norm": "attention.LayerNorm",
                "feed_forward/intermediate": "ffn",
                "feed_forward/output": "ffn_output",
                "output_norm": "full_layer_layer_norm",
            },
        ),
    ),
    pooler=(
        Row("pooler/kernel", "pooler.weight", TRANSPOSED, shape="H H"),
        Row("pooler/bias", "pooler.bias", shape="H"),
    ),
    heads={
        **bert.HEADS,
        "predictions": (
            Row("predictions/transform/kernel", "predictions.dense.weight", TRANSPOSED, shape="H E"),
            Row("predictions/transform/bias", "predictions.dense.bias", shape="E"),
            Row("predictions/layer_norm/gamma", "predictions.LayerNorm.weight", shape="E"),
            Row("predictions/layer_norm/beta", "predictions.LayerNorm.bias", shape="E"),
            Row("predictions/output_bias", "predictions.bias", shape="V"),
            Row("predictions/output_bias", "predictions.decoder.bias", shape="V", is_written=False),
        ),
        # Of sentence order: 0 says that the second text follows the first, as with BERT's next sentence.
        "seq_relationship": (
            Row("seq_relationship/kernel", "sop_classifier.classifier.weight", TRANSPOSED, shape="H 2"),
            Row("seq_relationship/bias", "sop_classifier.classifier.bias", shape="2"),
        ),
    },
    prefix="albert.",
)
_UNTIED = dataclasses.replace(_TIED, heads={**_TIED.heads, "predictions": (*_TIED.heads["predictions"], _DECODER)})


def table(config: AlbertConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    return _TIED if config.tie_word_embeddings else _UNTIED
