"""BERT's tensors in TensorFlow Model Garden's TF2 checkpoints, named by the paths of objects that lead to them.

Source: tensorflow/models, official/nlp/tools/tf2_bert_encoder_checkpoint_converter.py,
official/nlp/modeling/networks/{bert_encoder,encoder_scaffold}.py, official/nlp/modeling/models.
"""

from tfbert.encoders.weight_table import BY_HEAD_IN, BY_HEAD_OUT, Row, WeightTable

_LAYER, _BLOCK = "encoder/_transformer_layers/{i}", "block_{i}"

TABLE = WeightTable(
    encoder=(
        Row("embeddings/token/embeddings", "encoder/_embedding_layer/embeddings"),
        Row("embeddings/position/embeddings", "encoder/_position_embedding_layer/embeddings"),
        Row("embeddings/segment/embeddings", "encoder/_type_embedding_layer/embeddings"),
        Row("embeddings/layer_norm/gamma", "encoder/_embedding_norm_layer/gamma"),
        Row("embeddings/layer_norm/beta", "encoder/_embedding_norm_layer/beta"),
        Row(f"{_BLOCK}/attention/query/kernel", f"{_LAYER}/_attention_layer/_query_dense/kernel", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/query/bias", f"{_LAYER}/_attention_layer/_query_dense/bias", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/key/kernel", f"{_LAYER}/_attention_layer/_key_dense/kernel", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/key/bias", f"{_LAYER}/_attention_layer/_key_dense/bias", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/value/kernel", f"{_LAYER}/_attention_layer/_value_dense/kernel", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/value/bias", f"{_LAYER}/_attention_layer/_value_dense/bias", BY_HEAD_OUT),
        Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}/_attention_layer/_output_dense/kernel", BY_HEAD_IN),
        Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}/_attention_layer/_output_dense/bias"),
        Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}/_attention_layer_norm/gamma"),
        Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}/_attention_layer_norm/beta"),
        Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}/_intermediate_dense/kernel"),
        Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}/_intermediate_dense/bias"),
        Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}/_output_dense/kernel"),
        Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}/_output_dense/bias"),
        Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}/_output_layer_norm/gamma"),
        Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}/_output_layer_norm/beta"),
    ),
    # A pretrained next-sentence head has a pooler of its own; fine-tuning starts from that one.
    pooler=(
        Row("pooler/kernel", "next_sentence.pooler_dense/kernel"),
        Row("pooler/bias", "next_sentence.pooler_dense/bias"),
        Row("pooler/kernel", "encoder/_pooler_layer/kernel"),
        Row("pooler/bias", "encoder/_pooler_layer/bias"),
    ),
    heads={
        "predictions": (
            Row("predictions/transform/kernel", "masked_lm/dense/kernel"),
            Row("predictions/transform/bias", "masked_lm/dense/bias"),
            Row("predictions/layer_norm/gamma", "masked_lm/layer_norm/gamma"),
            Row("predictions/layer_norm/beta", "masked_lm/layer_norm/beta"),
            Row("predictions/output_bias", "masked_lm/bias"),
        ),
        "seq_relationship": (
            Row("seq_relationship/kernel", "model/classification_heads/0/out_proj/kernel"),
            Row("seq_relationship/bias", "model/classification_heads/0/out_proj/bias"),
        ),
        "classifier": (  # BertClassifier
            Row("classifier/kernel", "model/classifier/out_proj/kernel"),
            Row("classifier/bias", "model/classifier/out_proj/bias"),
        ),
        "token_classifier": (  # BertTokenClassifier
            Row("classifier/kernel", "model/classifier/kernel"),
            Row("classifier/bias", "model/classifier/bias"),
        ),
        "qa_outputs": (  # BertSpanLabeler
            Row("qa_outputs/kernel", "model/span_labeling/layer_with_weights-0/kernel"),
            Row("qa_outputs/bias", "model/span_labeling/layer_with_weights-0/bias"),
        ),
    },
)

# What tf_utils.get_activation computes under these names.
ACTIVATIONS = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh", "swish": "swish", "mish": "mish"}
