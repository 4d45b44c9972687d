"""DistilBERT's tensors (Sanh et al. 2019): BERT without segments, with ReLU between its pooler and its classifier.

Source of the names: transformers/models/distilbert/modeling_distilbert.py; it has no seq_relationship and no
tag_transitions, which are named as in BERT's table.
"""

from tfbert.encoders.weight_table import TRANSPOSED, Row

_LAYER, _BLOCK = "transformer.layer.{i}", "block_{i}"

TABLE = (
    Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight"),
    Row("embeddings/position/embeddings", "embeddings.position_embeddings.weight"),
    Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight"),
    Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias"),
    Row(f"{_BLOCK}/attention/query/kernel", f"{_LAYER}.attention.q_lin.weight", TRANSPOSED),
    Row(f"{_BLOCK}/attention/query/bias", f"{_LAYER}.attention.q_lin.bias"),
    Row(f"{_BLOCK}/attention/key/kernel", f"{_LAYER}.attention.k_lin.weight", TRANSPOSED),
    Row(f"{_BLOCK}/attention/key/bias", f"{_LAYER}.attention.k_lin.bias"),
    Row(f"{_BLOCK}/attention/value/kernel", f"{_LAYER}.attention.v_lin.weight", TRANSPOSED),
    Row(f"{_BLOCK}/attention/value/bias", f"{_LAYER}.attention.v_lin.bias"),
    Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}.attention.out_lin.weight", TRANSPOSED),
    Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}.attention.out_lin.bias"),
    Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}.sa_layer_norm.weight"),
    Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}.sa_layer_norm.bias"),
    Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}.ffn.lin1.weight", TRANSPOSED),
    Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}.ffn.lin1.bias"),
    Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}.ffn.lin2.weight", TRANSPOSED),
    Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}.ffn.lin2.bias"),
    Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}.output_layer_norm.weight"),
    Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}.output_layer_norm.bias"),
    Row("pooler/kernel", "pre_classifier.weight", TRANSPOSED),
    Row("pooler/bias", "pre_classifier.bias"),
    Row("predictions/transform/kernel", "vocab_transform.weight", TRANSPOSED),
    Row("predictions/transform/bias", "vocab_transform.bias"),
    Row("predictions/layer_norm/gamma", "vocab_layer_norm.weight"),
    Row("predictions/layer_norm/beta", "vocab_layer_norm.bias"),
    Row("predictions/output_bias", "vocab_projector.bias"),
    Row("predictions/decoder/embeddings", "vocab_projector.weight"),  # where it is not the token embedding
    Row("seq_relationship/kernel", "cls.seq_relationship.weight", TRANSPOSED),
    Row("seq_relationship/bias", "cls.seq_relationship.bias"),
    Row("classifier/kernel", "classifier.weight", TRANSPOSED),
    Row("classifier/bias", "classifier.bias"),
    Row("tag_transitions/transitions", "tag_transitions.weight"),
    Row("qa_outputs/kernel", "qa_outputs.weight", TRANSPOSED),
    Row("qa_outputs/bias", "qa_outputs.bias"),
)
