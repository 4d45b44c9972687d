"""BERT's tensors in Google's TF1 checkpoints.

Source of the names: google-research/bert, modeling.py. Optimizer slots (adam_m, adam_v) and global_step are in the
file too and are not read.
"""

import dataclasses

from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable

_LAYER, _BLOCK = "bert/encoder/layer_{i}", "block_{i}"

TABLE = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "bert/embeddings/word_embeddings"),
        Row("embeddings/position/embeddings", "bert/embeddings/position_embeddings"),
        Row("embeddings/segment/embeddings", "bert/embeddings/token_type_embeddings"),
        Row("embeddings/layer_norm/gamma", "bert/embeddings/LayerNorm/gamma"),
        Row("embeddings/layer_norm/beta", "bert/embeddings/LayerNorm/beta"),
        Row(f"{_BLOCK}/attention/query/kernel", f"{_LAYER}/attention/self/query/kernel"),
        Row(f"{_BLOCK}/attention/query/bias", f"{_LAYER}/attention/self/query/bias"),
        Row(f"{_BLOCK}/attention/key/kernel", f"{_LAYER}/attention/self/key/kernel"),
        Row(f"{_BLOCK}/attention/key/bias", f"{_LAYER}/attention/self/key/bias"),
        Row(f"{_BLOCK}/attention/value/kernel", f"{_LAYER}/attention/self/value/kernel"),
        Row(f"{_BLOCK}/attention/value/bias", f"{_LAYER}/attention/self/value/bias"),
        Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}/attention/output/dense/kernel"),
        Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}/attention/output/dense/bias"),
        Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}/attention/output/LayerNorm/gamma"),
        Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}/attention/output/LayerNorm/beta"),
        Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}/intermediate/dense/kernel"),
        Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}/intermediate/dense/bias"),
        Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}/output/dense/kernel"),
        Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}/output/dense/bias"),
        Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}/output/LayerNorm/gamma"),
        Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}/output/LayerNorm/beta"),
    ),
    pooler=(
        Row("pooler/kernel", "bert/pooler/dense/kernel"),
        Row("pooler/bias", "bert/pooler/dense/bias"),
    ),
    heads={
        "predictions": (
            Row("predictions/transform/kernel", "cls/predictions/transform/dense/kernel"),
            Row("predictions/transform/bias", "cls/predictions/transform/dense/bias"),
            Row("predictions/layer_norm/gamma", "cls/predictions/transform/LayerNorm/gamma"),
            Row("predictions/layer_norm/beta", "cls/predictions/transform/LayerNorm/beta"),
            Row("predictions/output_bias", "cls/predictions/output_bias"),
        ),
        "seq_relationship": (
            Row("seq_relationship/kernel", "cls/seq_relationship/output_weights", TRANSPOSED),
            Row("seq_relationship/bias", "cls/seq_relationship/output_bias"),
        ),
        "classifier": (  # run_classifier.py, create_model
            Row("classifier/kernel", "output_weights", TRANSPOSED),
            Row("classifier/bias", "output_bias"),
        ),
        "qa_outputs": (  # run_squad.py, create_model
            Row("qa_outputs/kernel", "cls/squad/output_weights", TRANSPOSED),
            Row("qa_outputs/bias", "cls/squad/output_bias"),
        ),
    },
)

# What modeling.get_activation computes under these names: its gelu is the approximation by tanh.
ACTIVATIONS = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh"}


@dataclasses.dataclass(frozen=True)
class GoogleForm:
    """The names and fields of bert_config.json.

    Args:
        activations: {name there: name of `EncoderConfig.hidden_act`}.
        config_keys: fields of the configuration that are written.
    """

    activations: dict[str, str]
    config_keys: tuple[str, ...] = (
        *("attention_probs_dropout_prob", "hidden_act", "hidden_dropout_prob", "hidden_size", "initializer_range"),
        *("intermediate_size", "max_position_embeddings", "num_attention_heads", "num_hidden_layers"),
        *("type_vocab_size", "vocab_size"),
    )
