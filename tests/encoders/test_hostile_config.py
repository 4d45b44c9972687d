"""Values of config.json that no network has: each is refused, by its key."""

import json

import pytest

from tfbert.encoders.families import read_config
from tfbert.errors import ConfigError

SIZES = {
    "vocab_size": 50,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
NUMBERS = ("layer_norm_eps", "initializer_range", "hidden_dropout_prob", "attention_probs_dropout_prob")
HOSTILE = [
    *((key, text) for key in NUMBERS for text in ("NaN", "-1", "Infinity", "-Infinity", '"0.1"', "[0.1]", "true")),
    *((key, "1" + "0" * 400) for key in (*NUMBERS, "vocab_size")),
    ("layer_norm_eps", "0"),
    ("predictions_layer_norm_eps", "NaN"),
    ("classifier_dropout", "-0.5"),
    ("hidden_dropout_prob", "1.5"),
    *((key, text) for key in SIZES for text in ("0", "-1", "1.5", "null", '"8"', "{}", "1000000000000")),
    ("max_position_embeddings", "1000000000000"),
    ("model_type", "[1]"),
    ("model_type", "{}"),
    ("hidden_act", "[1]"),
]


@pytest.mark.parametrize(("key", "text"), HOSTILE, ids=lambda value: value[:30])
def test_a_value_that_no_network_has_is_named(tmp_path, key, text):
    path = tmp_path / "config.json"
    values = json.dumps({"model_type": "bert", **SIZES, key: "HERE"}).replace('"HERE"', text)
    path.write_text(values)
    with pytest.raises(ConfigError) as raised:
        read_config(path)
    assert str(path) in str(raised.value) and key in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("attention_window", [512]), ("is_decoder", True), ("is_encoder_decoder", True), ("gated", False)],
        *[("adapters", {"adapters": {"a": {}}}), ("ln_type", "preln"), ("pooler_type", "mean"), ("gap_size", 1)],
    ],
)
def test_a_key_that_may_change_the_network_is_named(tmp_path, key, value):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "bert", **SIZES, key: value}))
    with pytest.raises(ConfigError) as raised:
        read_config(path)
    assert str(path) in str(raised.value) and key in str(raised.value)


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "electra", "roberta", "albert"])
def test_keys_of_published_files_stay(tmp_path, model_type):
    path = tmp_path / "config.json"
    others = {
        "_name_or_path": "a",
        "id2label": {"0": "a"},
        "gradient_checkpointing": False,
        "top_p": 1.0,
        **{
            "bert": {"pooler_type": "first_token_transform", "directionality": "bidi", "ln_type": "postln"},
            "distilbert": {"qa_dropout": 0.1, "sinusoidal_pos_embds": False, "tie_weights_": True},
            "electra": {"summary_type": "first", "summary_last_dropout": 0.1},
            "roberta": {"bos_token_id": 0, "eos_token_id": 2},
            "albert": {"gap_size": 0, "net_structure_type": 0, "layers_to_keep": [], "down_scale_factor": 1},
        }[model_type],
    }
    sizes = {"dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 16} if model_type == "distilbert" else {}
    path.write_text(json.dumps({"model_type": model_type, **SIZES, **sizes, **others}))
    assert read_config(path).hidden_size == 8


def test_usual_values_stay(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**SIZES, "hidden_dropout_prob": 0, "initializer_range": 0, "layer_norm_eps": 1e-12}))
    assert read_config(path).hidden_dropout_prob == 0
