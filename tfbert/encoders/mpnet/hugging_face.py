"""MPNet's tensors in Hugging Face's files, with the shapes of all variables.

Source of the names: transformers/models/mpnet/modeling_mpnet.py. It has no seq_relationship or tag_transitions; here
they have BERT's names.
"""

import dataclasses

from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.mpnet.config import MPNetConfig
from tfbert.encoders.roberta.hugging_face import CLASSIFIER, CLASSIFIER_POOLER, PREDICTIONS
from tfbert.encoders.weight_table import Row, WeightTable, torch_block

_LAYER, _BLOCK = "encoder.layer.{i}", "block_{i}"

# Of a masked language model with a decoder of its own.
_DECODER = Row("predictions/decoder/embeddings", "lm_head.decoder.weight", shape="V H")

_TIED = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight", shape="V H"),
        Row("embeddings/position/embeddings", "embeddings.position_embeddings.weight", shape="P H"),
        Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight", shape="H"),
        Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias", shape="H"),
        Row("relative_bias/embeddings", "encoder.relative_attention_bias.weight", shape="B N"),
        *torch_block(
            _BLOCK,
            _LAYER,
            {
                "attention/query": "attention.attn.q",
                "attention/key": "attention.attn.k",
                "attention/value": "attention.attn.v",
                "attention/output": "attention.attn.o",
                "attention_norm": "attention.LayerNorm",
                "feed_forward/intermediate": "intermediate.dense",
                "feed_forward/output": "output.dense",
                "output_norm": "output.LayerNorm",
            },
        ),
    ),
    pooler=(*CLASSIFIER_POOLER, *bert.POOLER),
    heads={**bert.HEADS, "predictions": PREDICTIONS, "classifier": CLASSIFIER},
    prefix="mpnet.",
)
_UNTIED = dataclasses.replace(_TIED, heads={**_TIED.heads, "predictions": (*PREDICTIONS, _DECODER)})


def table(config: MPNetConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    return _TIED if config.tie_word_embeddings else _UNTIED
