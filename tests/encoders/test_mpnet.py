"""What MPNet adds to RoBERTa: a bias by distance, and positions that begin with row 2."""

import numpy as np
import pytest

import tfbert
from tfbert.encoders import families
from tfbert.encoders.layers.relative_bias import RelativeBias, bucket_of
from tfbert.errors import ConfigError

SIZES = {"vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
# The first distance of each bucket, as Hugging Face's relative_position_bucket gives them.
FIRST = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]


def test_buckets():
    distances = np.arange(600)
    behind, ahead = bucket_of(-distances), bucket_of(distances)
    assert [int(np.argmax(behind == bucket)) for bucket in range(16)] == FIRST
    np.testing.assert_array_equal(ahead[1:], behind[1:] + 16)
    assert behind.max() == 15 and ahead[0] == 0


def test_the_bias_of_any_distance():
    layer = RelativeBias(3)
    layer.build()
    distances = np.array([[[0, 127], [128, 511]], [[-1, -91], [-128, -511]]], "int32")
    wanted = np.asarray(layer.embeddings)[bucket_of(distances)]
    np.testing.assert_array_equal(layer(distances), wanted.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(
        np.asarray(layer.by_distance(511))[distances + 511], np.asarray(layer.by_distance(600))[distances + 600]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relative_attention_num_buckets": 64}, "relative_attention_num_buckets is 64; tfbert supports 32 only"),
        ({"pad_token_id": 0}, "pad_token_id is 0; MPNet counts positions from a padding id of 1"),
        ({"max_position_embeddings": 2}, "leaves no row for a token"),
        ({"pooler_act": "relu"}, "pooler_act is 'relu'"),
        ({"type_vocab_size": 2}, "tfbert does not know what type_vocab_size"),
    ],
)
def test_what_no_mpnet_has_is_named(change, message):
    with pytest.raises(ConfigError, match=message):
        families.config_from({"model_type": "mpnet", **SIZES, **change})


def test_a_published_configuration():
    """All keys of all-mpnet-base-v2's."""
    values = {
        "_name_or_path": "microsoft/mpnet-base",
        "architectures": ["MPNetForMaskedLM"],
        "attention_probs_dropout_prob": 0.1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": 768,
        "initializer_range": 0.02,
        "intermediate_size": 3072,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": 514,
        "model_type": "mpnet",
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "pad_token_id": 1,
        "relative_attention_num_buckets": 32,
        "transformers_version": "4.8.2",
        "vocab_size": 30527,
    }
    config = families.config_from(values)
    assert config == tfbert.MPNetConfig() and config.max_tokens == 512
    assert families.config_from(config.to_hugging_face()) == config
