"""Google's BERT as its modeling.py computes it, in numpy, from a TF1 checkpoint's own names."""

import json

import numpy as np
import tensorflow as tf


def outputs(folder, features):
    """token_logits at all tokens [B, S, V], pair_logits [B, 2], sequence_output [B, S, H], pooled_output [B, H]."""
    config = json.loads((folder / "bert_config.json").read_text())
    reader = tf.train.load_checkpoint(str(folder / "bert_model.ckpt"))
    get = reader.get_tensor
    heads = config["num_attention_heads"]

    def dense(x, name):
        return x @ get(f"{name}/kernel").astype("f8") + get(f"{name}/bias")

    def layer_norm(x, name):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-12) * get(f"{name}/gamma") + get(f"{name}/beta")

    def gelu(x):
        return x * 0.5 * (1.0 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def split(x):
        return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    assert config["hidden_act"] == "gelu"
    ids, segments, mask = (features[name] for name in ("token_ids", "segment_ids", "padding_mask"))
    words = get("bert/embeddings/word_embeddings")
    x = words[ids].astype("f8") + get("bert/embeddings/token_type_embeddings")[segments]
    x = layer_norm(x + get("bert/embeddings/position_embeddings")[: ids.shape[1]], "bert/embeddings/LayerNorm")
    for i in range(config["num_hidden_layers"]):
        name = f"bert/encoder/layer_{i}"
        query, key, value = (split(dense(x, f"{name}/attention/self/{part}")) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True)) * mask[:, None, None, :]
        context = (scores / scores.sum(-1, keepdims=True)) @ value
        context = context.transpose(0, 2, 1, 3).reshape(x.shape)
        x = layer_norm(dense(context, f"{name}/attention/output/dense") + x, f"{name}/attention/output/LayerNorm")
        inner = dense(gelu(dense(x, f"{name}/intermediate/dense")), f"{name}/output/dense")
        x = layer_norm(inner + x, f"{name}/output/LayerNorm")
    pooled = np.tanh(dense(x[:, 0], "bert/pooler/dense"))
    hidden = gelu(dense(x, "cls/predictions/transform/dense"))
    hidden = layer_norm(hidden, "cls/predictions/transform/LayerNorm")
    return {
        "sequence_output": x,
        "pooled_output": pooled,
        "token_logits": hidden @ words.T + get("cls/predictions/output_bias"),
        "pair_logits": pooled @ get("cls/seq_relationship/output_weights").T + get("cls/seq_relationship/output_bias"),
    }
