import math

import pytest

from tfbert.encoders import families
from tfbert.encoders.modernbert.config import ModernBertConfig
from tfbert.errors import ConfigError

# Of answerdotai/ModernBERT-base, as transformers 4.48 wrote it.
PUBLISHED = {
    "architectures": ["ModernBertForMaskedLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 50281,
    "classifier_activation": "gelu",
    "classifier_bias": False,
    "classifier_dropout": 0.0,
    "classifier_pooling": "mean",
    "cls_token_id": 50281,
    "decoder_bias": True,
    "deterministic_flash_attn": False,
    "embedding_dropout": 0.0,
    "eos_token_id": 50282,
    "global_attn_every_n_layers": 3,
    "global_rope_theta": 160000.0,
    "gradient_checkpointing": False,
    "hidden_activation": "gelu",
    "hidden_size": 768,
    "initializer_cutoff_factor": 2.0,
    "initializer_range": 0.02,
    "intermediate_size": 1152,
    "layer_norm_eps": 1e-05,
    "local_attention": 128,
    "local_rope_theta": 10000.0,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "mlp_dropout": 0.0,
    "model_type": "modernbert",
    "norm_bias": False,
    "norm_eps": 1e-05,
    "num_attention_heads": 12,
    "num_hidden_layers": 22,
    "pad_token_id": 50283,
    "position_embedding_type": "absolute",
    "sep_token_id": 50282,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "transformers_version": "4.47.0.dev0",
    "vocab_size": 50368,
}
SIZES = {
    "model_type": "modernbert",
    "vocab_size": 10,
    "hidden_size": 8,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
BOTH = {"full_attention": {"rope_theta": 7.0, "rope_type": "default"}, "sliding_attention": {"rope_theta": 5.0}}


def test_the_published_one():
    assert families.config_from(PUBLISHED) == ModernBertConfig(classifier_pooling="mean")
    assert families.config_from({**PUBLISHED, "layer_norm_eps": 1e-12}) == families.config_from(PUBLISHED)
    assert (ModernBertConfig().reach, ModernBertConfig().max_tokens) == (64, 8192)
    assert [layer for layer in range(22) if ModernBertConfig().is_global(layer)] == [0, 3, 6, 9, 12, 15, 18, 21]


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({}, (160_000.0, 10_000.0)),
        ({"rope_parameters": BOTH}, (7.0, 5.0)),
        ({"rope_parameters": {"full_attention": {"rope_theta": 7.0}, "sliding_attention": None}}, (7.0, 10_000.0)),
        ({"global_rope_theta": 3.0, "local_rope_theta": 2.0}, (3.0, 2.0)),
        ({"global_rope_theta": 3.0, "local_rope_theta": None}, (3.0, 3.0)),
        ({"local_rope_theta": None}, (160_000.0, 160_000.0)),
        ({"global_rope_theta": 3.0, "rope_parameters": BOTH}, (7.0, 5.0)),
    ],
)
def test_bases_of_rotary_positions(keys, wanted):
    config = families.config_from({**SIZES, **keys})
    assert (config.global_rope_theta, config.local_rope_theta) == wanted
    assert families.config_from(config.to_hugging_face()) == config


@pytest.mark.parametrize(
    ("kinds", "wanted"), [("GLGL", 2), ("GGGG", 1), ("GLLG", 3), ("GLLL", 4), ("GL", 2), ("G", 1), (None, 3)]
)
def test_kinds_of_layers(kinds, wanted):
    names = {"G": "full_attention", "L": "sliding_attention"}
    keys = {"layer_types": [names[kind] for kind in kinds], "num_hidden_layers": len(kinds)} if kinds else {}
    config = families.config_from({**SIZES, **keys})
    assert config.global_attn_every_n_layers == wanted
    assert families.config_from(config.to_hugging_face()) == config


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"head_dim": 3}, r"tfbert does not know what head_dim \(3\) does to the network"),
        ({"hidden_size": 6}, "heads 3 wide; rotary positions need an even width"),
        ({"classifier_pooling": "max"}, "classifier_pooling 'max' is not one of cls, mean"),
        ({"decoder_bias": False}, "decoder_bias is False; tfbert supports True only"),
        ({"rope_scaling": {"type": "linear"}}, "rope_scaling"),
        ({"rope_parameters": [1]}, "rope_parameters must be an object"),
        ({"rope_parameters": {"rope_theta": 7.0}}, "rope_parameters has 'rope_theta'"),
        ({"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}, "rope_type 'yarn' for full_attention"),
        ({"rope_parameters": {"full_attention": {"rope_theta": "7"}}}, "global_rope_theta"),
        ({"global_rope_theta": math.inf}, "global_rope_theta"),
        ({"local_rope_theta": -1.0}, "local_rope_theta"),
        ({"mlp_dropout": 2.0}, "mlp_dropout must be from 0 to 1"),
        ({"local_attention": 0}, "local_attention must be positive"),
        ({"global_attn_every_n_layers": 0}, "global_attn_every_n_layers must be positive"),
        ({"layer_types": ["full_attention"]}, "layer_types has 1 layers, num_hidden_layers 4"),
        ({"layer_types": ["sliding_attention"] * 4}, "layer_types must be a list"),
        ({"layer_types": ["full_attention", "chunked", "chunked", "chunked"]}, "layer_types must be a list"),
        ({"layer_types": ["full_attention"] * 2 + ["sliding_attention"] * 2}, "at uneven distances"),
    ],
)
def test_says_what_is_wrong(keys, message):
    with pytest.raises(ConfigError, match=message):
        families.config_from({**SIZES, **keys})
