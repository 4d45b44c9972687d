"""What DeBERTa-v2 and -v3 have in place of positions, and which variants of them are refused."""

import numpy as np
import pytest

import tfbert
from tfbert.encoders import families
from tfbert.encoders.layers.disentangled import bucket_of
from tfbert.encoders.weight_table import expand
from tfbert.errors import ConfigError

# All keys of deberta-v3-base's.
PUBLISHED = {
    "model_type": "deberta-v2",
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": "p2c|c2p",
    "layer_norm_eps": 1e-7,
    "max_relative_positions": -1,
    "position_biased_input": False,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "type_vocab_size": 0,
    "vocab_size": 128100,
}


def test_a_published_configuration():
    config = families.config_from(PUBLISHED)
    assert config == tfbert.DebertaV2Config() and config.farthest == 512
    assert families.config_from(config.to_hugging_face()) == config
    newer = {**PUBLISHED, "pooler_dropout": 0, "pooler_hidden_act": "gelu", "pooler_hidden_size": 768, "legacy": True}
    assert families.config_from({**newer, "pos_att_type": ["c2p", "p2c"], "attention_head_size": 64}) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv_kernel_size": 3}, "conv_kernel_size is 3; tfbert supports 0 only"),
        ({"share_att_key": False}, "share_att_key is False"),
        ({"pos_att_type": "c2p"}, r"pos_att_type is \['c2p'\]"),
        ({"relative_attention": False}, "relative_attention is False"),
        ({"position_biased_input": True}, "position_biased_input is True"),
        ({"norm_rel_ebd": "none"}, "norm_rel_ebd is 'none'"),
        ({"position_buckets": -1}, "position_buckets must be positive"),
        ({"position_buckets": 1024}, "position_buckets 1024"),
        ({"type_vocab_size": 2}, "type_vocab_size is 2"),
        ({"pooler_hidden_size": 8}, "pooler_hidden_size is 8"),
        ({"attention_head_size": 8}, "attention_head_size is 8"),
        ({"embedding_size": 8}, "embedding_size is 8"),
        ({"pooler_dropout": 2}, "pooler_dropout must be from 0 to 1"),
        ({"legacy": False, "tie_word_embeddings": False}, "tie_word_embeddings False needs legacy"),
        ({"max_relative_position": 3}, "did you mean 'max_relative_positions'"),
    ],
)
def test_what_the_network_lacks_is_named(change, message):
    with pytest.raises(ConfigError, match=message):
        families.config_from({**PUBLISHED, **change})


@pytest.mark.parametrize("key", ["relative_attention", "share_att_key", "norm_rel_ebd", "pos_att_type"])
def test_a_key_that_is_missing_is_what_hugging_face_takes_it_for(key):
    with pytest.raises(ConfigError, match=f"{key} is "):
        families.config_from({name: value for name, value in PUBLISHED.items() if name != key})


def test_buckets():
    """Against make_log_bucket_position, in double precision."""
    distances = np.arange(-700, 701)
    near, farthest = 128, 512
    far = np.maximum(np.abs(distances), near) / near
    beyond = np.ceil(np.log(far) / np.log((farthest - 1) / near) * (near - 1) - 1e-6) + near
    wanted = np.where(np.abs(distances) <= near, distances, beyond * np.sign(distances))
    np.testing.assert_array_equal(bucket_of(distances, 512, 512), np.clip(wanted + 256, 0, 511))


def test_the_newer_head_has_other_names_and_both_are_read():
    def names(**changes):
        rows = families.family("deberta-v2").table(tfbert.DebertaV2Config(**changes)).heads["predictions"]
        return {row.tensor: row.is_written for row in expand(rows, 1)}

    assert names()["cls.predictions.transform.dense.weight"] and not names()["lm_predictions.lm_head.dense.weight"]
    newer = names(legacy=False)
    assert all(newer.values()) and all(name.startswith("lm_predictions.lm_head.") for name in newer)


def test_scores_by_hand():
    """score = (q . k + q . K(distance) + k . Q(distance)) / sqrt(3 D), for one head."""
    from tfbert.encoders.layers.disentangled import DisentangledAttention, RelativeEmbeddings

    rng = np.random.default_rng(0)
    relative = RelativeEmbeddings(16, 6, farthest=20)
    relative.build()
    layer = DisentangledAttention(6, 1, relative=relative)
    layer.build((None, None, 6))
    for variable in (*relative.weights, *layer.weights):
        variable.assign(rng.normal(size=variable.shape))
    hidden = rng.normal(size=(1, 9, 6)).astype("float32")
    _, probs = layer(hidden, return_probs=True)

    def projected(vectors, part):
        return vectors @ np.asarray(part.kernel) + np.asarray(part.bias)

    vectors = np.asarray(relative.vectors())
    query, key = (projected(hidden[0], part) for part in (layer.query, layer.key))
    query_of, key_of = (projected(vectors, part) for part in (layer.query, layer.key))
    scores = np.zeros((9, 9))
    for i in range(9):
        for j in range(9):
            bucket = bucket_of(np.array(i - j), 16, 20)
            scores[i, j] = query[i] @ key[j] + query[i] @ key_of[bucket] + key[j] @ query_of[bucket]
    wanted = np.exp(scores / np.sqrt(18))
    np.testing.assert_allclose(probs[0, 0], wanted / wanted.sum(1, keepdims=True), atol=1e-5)


def test_flops_count_the_products_with_distances():
    """Beside BERT's: each query and each key, of every layer, with a vector for each of 2 x 256 buckets."""
    ours, others = tfbert.DebertaV2Encoder(tfbert.DebertaV2Config()), tfbert.BertEncoder(tfbert.BertConfig())
    vocabulary = 3 * 2 * 768 * (128_100 - others.vocab_size)  # of a head for each token
    more = ours.flops_per_token(128, 128) - others.flops_per_token(128, 128) - vocabulary
    assert more == 3 * 12 * 2 * (2 * 768 * 512)
