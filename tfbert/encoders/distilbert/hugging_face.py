"""DistilBERT's tensors (Sanh et al. 2019) in Hugging Face's files, with the shapes of all variables.

Source of the names: transformers/models/distilbert/modeling_distilbert.py; transformers 4,
models/distilbert/modeling_tf_distilbert.py. It has no seq_relationship or tag_transitions; here they have BERT's names.
"""

import dataclasses

from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable, torch_block

_LAYER, _TF_LAYER, _BLOCK = "transformer.layer.{i}", "transformer/layer_._{i}", "block_{i}"

# Of a masked language model with a decoder of its own.
_DECODER = Row("predictions/decoder/embeddings", "vocab_projector.weight", shape="V H")

_TIED = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight", shape="V H"),
        Row("embeddings/position/embeddings", "embeddings.position_embeddings.weight", shape="P H"),
        Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight", shape="H"),
        Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias", shape="H"),
        *torch_block(
            _BLOCK,
            _LAYER,
            {
                "attention/query": "attention.q_lin",
                "attention/key": "attention.k_lin",
                "attention/value": "attention.v_lin",
                "attention/output": "attention.out_lin",
                "attention_norm": "sa_layer_norm",
                "feed_forward/intermediate": "ffn.lin1",
                "feed_forward/output": "ffn.lin2",
                "output_norm": "output_layer_norm",
            },
        ),
    ),
    pooler=(
        Row("pooler/kernel", "pre_classifier.weight", TRANSPOSED, shape="H H", outside=True),
        Row("pooler/bias", "pre_classifier.bias", shape="H", outside=True),
    ),
    heads={
        **bert.HEADS,
        "predictions": (
            Row("predictions/transform/kernel", "vocab_transform.weight", TRANSPOSED, shape="H H"),
            Row("predictions/transform/bias", "vocab_transform.bias", shape="H"),
            Row("predictions/layer_norm/gamma", "vocab_layer_norm.weight", shape="H"),
            Row("predictions/layer_norm/beta", "vocab_layer_norm.bias", shape="H"),
            Row("predictions/output_bias", "vocab_projector.bias", shape="V"),
        ),
    },
    prefix="distilbert.",
)
_UNTIED = dataclasses.replace(_TIED, heads={**_TIED.heads, "predictions": (*_TIED.heads["predictions"], _DECODER)})


def table(config: EncoderConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    return _TIED if config.tie_word_embeddings else _UNTIED


TF_TABLE = WeightTable(
    encoder=(
        *bert.TF_EMBEDDINGS,
        Row(f"{_BLOCK}/attention/query/kernel", f"{_TF_LAYER}/attention/q_lin/kernel"),
        Row(f"{_BLOCK}/attention/query/bias", f"{_TF_LAYER}/attention/q_lin/bias"),
        Row(f"{_BLOCK}/attention/key/kernel", f"{_TF_LAYER}/attention/k_lin/kernel"),
        Row(f"{_BLOCK}/attention/key/bias", f"{_TF_LAYER}/attention/k_lin/bias"),
        Row(f"{_BLOCK}/attention/value/kernel", f"{_TF_LAYER}/attention/v_lin/kernel"),
        Row(f"{_BLOCK}/attention/value/bias", f"{_TF_LAYER}/attention/v_lin/bias"),
        Row(f"{_BLOCK}/attention/output/kernel", f"{_TF_LAYER}/attention/out_lin/kernel"),
        Row(f"{_BLOCK}/attention/output/bias", f"{_TF_LAYER}/attention/out_lin/bias"),
        Row(f"{_BLOCK}/attention_norm/gamma", f"{_TF_LAYER}/sa_layer_norm/gamma"),
        Row(f"{_BLOCK}/attention_norm/beta", f"{_TF_LAYER}/sa_layer_norm/beta"),
        Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_TF_LAYER}/ffn/lin1/kernel"),
        Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_TF_LAYER}/ffn/lin1/bias"),
        Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_TF_LAYER}/ffn/lin2/kernel"),
        Row(f"{_BLOCK}/feed_forward/output/bias", f"{_TF_LAYER}/ffn/lin2/bias"),
        Row(f"{_BLOCK}/output_norm/gamma", f"{_TF_LAYER}/output_layer_norm/gamma"),
        Row(f"{_BLOCK}/output_norm/beta", f"{_TF_LAYER}/output_layer_norm/beta"),
    ),
    pooler=(
        Row("pooler/kernel", "pre_classifier/kernel"),
        Row("pooler/bias", "pre_classifier/bias"),
    ),
    heads={
        "predictions": (
            Row("predictions/transform/kernel", "vocab_transform/kernel"),
            Row("predictions/transform/bias", "vocab_transform/bias"),
            Row("predictions/layer_norm/gamma", "vocab_layer_norm/gamma"),
            Row("predictions/layer_norm/beta", "vocab_layer_norm/beta"),
            Row("predictions/output_bias", "vocab_projector/bias"),
        ),
        **bert.TF_HEADS,
    },
    prefix="distilbert/",
)
