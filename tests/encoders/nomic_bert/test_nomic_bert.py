"""Its configurations and files: those of transformers, and those of its authors' own code."""

import json

import keras
import numpy as np
import pytest
import safetensors.numpy

import tfbert
from tfbert.encoders import families
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import ConfigError

# Of nomic-ai/nomic-embed-text-v1.
PUBLISHED = {
    "model_type": "nomic_bert",
    "architectures": ["NomicBertModel"],
    "activation_function": "swiglu",
    "attn_pdrop": 0.0,
    "auto_map": {"AutoModel": "modeling_hf_nomic_bert.NomicBertModel"},
    "bos_token_id": None,
    "causal": False,
    "dense_seq_output": True,
    "embd_pdrop": 0.0,
    "fused_bias_fc": True,
    "fused_dropout_add_ln": True,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-12,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "n_embd": 768,
    "n_head": 12,
    "n_inner": 3072,
    "n_layer": 12,
    "n_positions": 8192,
    "pad_vocab_size_multiple": 64,
    "parallel_block": False,
    "parallel_block_tied_norm": False,
    "prenorm": False,
    "qkv_proj_bias": False,
    "reorder_and_upcast_attn": False,
    "resid_pdrop": 0.0,
    "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "rotary_scaling_factor": 2,
    "scale_attn_by_inverse_layer_idx": False,
    "scale_attn_weights": True,
    "summary_type": "cls_index",
    "type_vocab_size": 2,
    "use_cache": True,
    "use_flash_attn": True,
    "use_rms_norm": False,
    "use_xentropy": True,
    "vocab_size": 30528,
}
# What newer files have besides.
NEW = {
    "hidden_act": "silu",
    "hidden_size": 768,
    "head_dim": 64,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 2048,
    "max_trained_positions": 2048,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "rope_parameters": {"rope_theta": 1000.0, "rope_type": "default"},
}


@pytest.mark.parametrize("values", [PUBLISHED, {**PUBLISHED, **NEW}], ids=["old", "new"])
def test_the_published_one(values):
    config = families.config_from(values)
    assert config == tfbert.NomicBertConfig()
    assert families.config_from(config.to_hugging_face()) == config


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"rotary_emb_interleaved": True}, "rotary_emb_interleaved is True; tfbert supports False only"),
        ({"prenorm": True}, "prenorm"),
        ({"num_experts": 8}, r"tfbert does not know what num_experts \(8\) does"),
        ({"head_dim": 32}, "head_dim is 32; tfbert supports 64"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_type 'yarn'"),
        ({"rope_parameters": {"factor": 2}}, "rope_parameters is {'factor': 2}"),
        ({"rotary_emb_base": 0}, "rope_theta must be positive"),
        ({"n_head": 256}, "heads 3 wide; rotary positions need an even width"),
    ],
)
def test_says_what_is_wrong(keys, message):
    with pytest.raises(ConfigError, match=message):
        families.config_from({**PUBLISHED, **keys})


OLD_NAMES = (
    ("embeddings.LayerNorm", "emb_ln"),
    ("layers.", "encoder.layers."),
    ("mlp.up_proj", "mlp.fc11"),
    ("mlp.gate_proj", "mlp.fc12"),
    ("mlp.down_proj", "mlp.fc2"),
    ("self_attn.o_proj", "attn.out_proj"),
    ("post_attention_layernorm", "norm1"),
    ("post_mlp_layernorm", "norm2"),
)


def test_files_of_the_authors_are_read(tmp_path):
    keras.utils.set_random_seed(0)
    encoder = families.encoder_of(
        families.config_of_size("tiny", model_type="nomic_bert", vocab_size=10), name="encoder"
    )
    encoder.build()
    encoder.has_trained_pooler = False
    encoder.save(tmp_path)
    stored, old = safetensors.numpy.load_file(tmp_path / "model.safetensors"), {}
    for name, value in stored.items():
        name = name.removeprefix("nomic_bert.")
        for new, before in OLD_NAMES:
            name = name.replace(new, before)
        old[name] = value
    for layer in range(2):
        parts = [old.pop(f"encoder.layers.{layer}.self_attn.{part}_proj.weight") for part in "qkv"]
        old[f"encoder.layers.{layer}.attn.Wqkv.weight"] = np.concatenate(parts)
    safetensors.numpy.save_file(old, tmp_path / "model.safetensors")
    assert not [name for name in old if "_proj" in name.replace("out_proj", "")]
    again = tfbert.Encoder.from_checkpoint(tmp_path)
    for name, variable in relative_variables(again).items():
        if not name.startswith("pooler/"):
            np.testing.assert_array_equal(variable, relative_variables(encoder)[name])
    assert json.loads((tmp_path / "config.json").read_text())["rope_parameters"]["rope_theta"] == 1000.0
