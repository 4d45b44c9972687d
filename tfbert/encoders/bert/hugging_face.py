"""BERT's tensors in Hugging Face's files, of PyTorch and of TensorFlow, with the shapes of all variables.

Source of the names: transformers/models/bert/modeling_bert.py; transformers 4, models/bert/modeling_tf_bert.py.
"""

import dataclasses

from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable, torch_block

_LAYER, _TF_LAYER, _BLOCK = "encoder.layer.{i}", "encoder/layer_._{i}", "block_{i}"

ENCODER = (
    Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight", shape="V H"),
    Row("embeddings/position/embeddings", "embeddings.position_embeddings.weight", shape="P H"),
    Row("embeddings/segment/embeddings", "embeddings.token_type_embeddings.weight", shape="T H"),
    Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight", shape="H"),
    Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias", shape="H"),
    *torch_block(
        _BLOCK,
        _LAYER,
        {
            "attention/query": "attention.self.query",
            "attention/key": "attention.self.key",
            "attention/value": "attention.self.value",
            "attention/output": "attention.output.dense",
            "attention_norm": "attention.output.LayerNorm",
            "feed_forward/intermediate": "intermediate.dense",
            "feed_forward/output": "output.dense",
            "output_norm": "output.LayerNorm",
        },
    ),
)
POOLER = (
    Row("pooler/kernel", "pooler.dense.weight", TRANSPOSED, shape="H H"),
    Row("pooler/bias", "pooler.dense.bias", shape="H"),
)


PREDICTIONS = (
    Row("predictions/transform/kernel", "cls.predictions.transform.dense.weight", TRANSPOSED, shape="H H"),
    Row("predictions/transform/bias", "cls.predictions.transform.dense.bias", shape="H"),
    Row("predictions/layer_norm/gamma", "cls.predictions.transform.LayerNorm.weight", shape="H"),
    Row("predictions/layer_norm/beta", "cls.predictions.transform.LayerNorm.bias", shape="H"),
    Row("predictions/output_bias", "cls.predictions.bias", shape="V"),
)
# Of a masked language model with a decoder of its own, whose bias replaces the other one.
DECODER = Row("predictions/decoder/embeddings", "cls.predictions.decoder.weight", shape="V H")
DECODER_BIAS = Row("predictions/output_bias", "cls.predictions.decoder.bias", shape="V", is_written=False)
HEADS = {  # of a network whose masked language model reads the token embedding
    "predictions": (*PREDICTIONS, DECODER_BIAS),
    "seq_relationship": (
        Row("seq_relationship/kernel", "cls.seq_relationship.weight", TRANSPOSED, shape="H 2"),
        Row("seq_relationship/bias", "cls.seq_relationship.bias", shape="2"),
    ),
    "classifier": (
        Row("classifier/kernel", "classifier.weight", TRANSPOSED),
        Row("classifier/bias", "classifier.bias"),
    ),
    "tag_transitions": (Row("tag_transitions/transitions", "tag_transitions.weight"),),
    "qa_outputs": (
        Row("qa_outputs/kernel", "qa_outputs.weight", TRANSPOSED),
        Row("qa_outputs/bias", "qa_outputs.bias"),
    ),
}


_TIED = WeightTable(ENCODER, POOLER, HEADS, prefix="bert.")
_UNTIED = dataclasses.replace(
    _TIED, heads={**HEADS, "predictions": (DECODER_BIAS._replace(is_written=True), *PREDICTIONS, DECODER)}
)


def table(config: EncoderConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    return _TIED if config.tie_word_embeddings else _UNTIED


TF_EMBEDDINGS = (
    Row("embeddings/token/embeddings", "embeddings/word_embeddings/weight"),
    Row("embeddings/token/embeddings", "embeddings/weight"),
    Row("embeddings/position/embeddings", "embeddings/position_embeddings/embeddings"),
    Row("embeddings/layer_norm/gamma", "embeddings/LayerNorm/gamma"),
    Row("embeddings/layer_norm/beta", "embeddings/LayerNorm/beta"),
)
TF_HEADS = {
    "classifier": (
        Row("classifier/kernel", "classifier/kernel"),
        Row("classifier/bias", "classifier/bias"),
    ),
    "qa_outputs": (
        Row("qa_outputs/kernel", "qa_outputs/kernel"),
        Row("qa_outputs/bias", "qa_outputs/bias"),
    ),
}

TF_TABLE = WeightTable(
    encoder=(
        *TF_EMBEDDINGS,
        Row("embeddings/segment/embeddings", "embeddings/token_type_embeddings/embeddings"),
        Row(f"{_BLOCK}/attention/query/kernel", f"{_TF_LAYER}/attention/self/query/kernel"),
        Row(f"{_BLOCK}/attention/query/bias", f"{_TF_LAYER}/attention/self/query/bias"),
        Row(f"{_BLOCK}/attention/key/kernel", f"{_TF_LAYER}/attention/self/key/kernel"),
        Row(f"{_BLOCK}/attention/key/bias", f"{_TF_LAYER}/attention/self/key/bias"),
        Row(f"{_BLOCK}/attention/value/kernel", f"{_TF_LAYER}/attention/self/value/kernel"),
        Row(f"{_BLOCK}/attention/value/bias", f"{_TF_LAYER}/attention/self/value/bias"),
        Row(f"{_BLOCK}/attention/output/kernel", f"{_TF_LAYER}/attention/output/dense/kernel"),
        Row(f"{_BLOCK}/attention/output/bias", f"{_TF_LAYER}/attention/output/dense/bias"),
        Row(f"{_BLOCK}/attention_norm/gamma", f"{_TF_LAYER}/attention/output/LayerNorm/gamma"),
        Row(f"{_BLOCK}/attention_norm/beta", f"{_TF_LAYER}/attention/output/LayerNorm/beta"),
        Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_TF_LAYER}/intermediate/dense/kernel"),
        Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_TF_LAYER}/intermediate/dense/bias"),
        Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_TF_LAYER}/output/dense/kernel"),
        Row(f"{_BLOCK}/feed_forward/output/bias", f"{_TF_LAYER}/output/dense/bias"),
        Row(f"{_BLOCK}/output_norm/gamma", f"{_TF_LAYER}/output/LayerNorm/gamma"),
        Row(f"{_BLOCK}/output_norm/beta", f"{_TF_LAYER}/output/LayerNorm/beta"),
    ),
    pooler=(
        Row("pooler/kernel", "pooler/dense/kernel"),
        Row("pooler/bias", "pooler/dense/bias"),
    ),
    heads={
        "predictions": (
            Row("predictions/transform/kernel", "predictions/transform/dense/kernel"),
            Row("predictions/transform/bias", "predictions/transform/dense/bias"),
            Row("predictions/layer_norm/gamma", "predictions/transform/LayerNorm/gamma"),
            Row("predictions/layer_norm/beta", "predictions/transform/LayerNorm/beta"),
            Row("predictions/output_bias", "predictions/bias"),
        ),
        "seq_relationship": (
            Row("seq_relationship/kernel", "seq_relationship/kernel"),
            Row("seq_relationship/bias", "seq_relationship/bias"),
        ),
        **TF_HEADS,
    },
    prefix="bert/",
)
