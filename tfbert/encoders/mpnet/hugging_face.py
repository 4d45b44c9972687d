"""MPNet's tensors in Hugging Face's files, with the shapes of all variables.

Source of the names: transformers/models/mpnet/modeling_mpnet.py. It has no seq_relationship or tag_transitions; here
they have BERT's names.
"""

import dataclasses

from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.mpnet.config import MPNetConfig
from tfbert.encoders.roberta.hugging_face import CLASSIFIER, CLASSIFIER_POOLER, PREDICTIONS
from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable

_LAYER, _BLOCK = "encoder.layer.{i}", "block_{i}"
_INTERMEDIATE, _OUTPUT = f"{_LAYER}.intermediate.dense", f"{_LAYER}.output.dense"

# Of a masked language model with a decoder of its own.
_DECODER = Row("predictions/decoder/embeddings", "lm_head.decoder.weight", shape="V H")

_TIED = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight", shape="V H"),
        Row("embeddings/position/embeddings", "embeddings.position_embeddings.weight", shape="P H"),
        Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight", shape="H"),
        Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias", shape="H"),
        Row("relative_bias/embeddings", "encoder.relative_attention_bias.weight", shape="B N"),
        Row(f"{_BLOCK}/attention/query/kernel", f"{_LAYER}.attention.attn.q.weight", TRANSPOSED, shape="H H"),
        Row(f"{_BLOCK}/attention/query/bias", f"{_LAYER}.attention.attn.q.bias", shape="H"),
        Row(f"{_BLOCK}/attention/key/kernel", f"{_LAYER}.attention.attn.k.weight", TRANSPOSED, shape="H H"),
        Row(f"{_BLOCK}/attention/key/bias", f"{_LAYER}.attention.attn.k.bias", shape="H"),
        Row(f"{_BLOCK}/attention/value/kernel", f"{_LAYER}.attention.attn.v.weight", TRANSPOSED, shape="H H"),
        Row(f"{_BLOCK}/attention/value/bias", f"{_LAYER}.attention.attn.v.bias", shape="H"),
        Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}.attention.attn.o.weight", TRANSPOSED, shape="H H"),
        Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}.attention.attn.o.bias", shape="H"),
        Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}.attention.LayerNorm.weight", shape="H"),
        Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}.attention.LayerNorm.bias", shape="H"),
        Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_INTERMEDIATE}.weight", TRANSPOSED, shape="H I"),
        Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_INTERMEDIATE}.bias", shape="I"),
        Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_OUTPUT}.weight", TRANSPOSED, shape="I H"),
        Row(f"{_BLOCK}/feed_forward/output/bias", f"{_OUTPUT}.bias", shape="H"),
        Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}.output.LayerNorm.weight", shape="H"),
        Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}.output.LayerNorm.bias", shape="H"),
    ),
    pooler=(*CLASSIFIER_POOLER, *bert.POOLER),
    heads={**bert.HEADS, "predictions": PREDICTIONS, "classifier": CLASSIFIER},
    prefix="mpnet.",
)
_UNTIED = dataclasses.replace(_TIED, heads={**_TIED.heads, "predictions": (*PREDICTIONS, _DECODER)})


def table(config: MPNetConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    return _TIED if config.tie_word_embeddings else _UNTIED
