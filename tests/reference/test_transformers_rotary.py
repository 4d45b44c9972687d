"""Families with rotary positions at their full length: hidden states of long rows as PyTorch's, in both layouts."""

import json

import numpy as np
import pytest

import tfbert
from tfbert.encoders.layers.layouts import padded_rows

pytestmark = pytest.mark.reference

LENGTHS = (2000, 700, 130, 1)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ModernBertModel", {"pad_token_id": 0, "max_position_embeddings": 2000}),
        (
            "ModernBertModel",
            {
                "pad_token_id": 0,
                "max_position_embeddings": 2000,
                "local_attention": 64,
                "global_attn_every_n_layers": 2,
                "norm_bias": True,
                "attention_bias": True,
                "mlp_bias": True,
                "rope_parameters": {"full_attention": {"rope_theta": 500.0}, "sliding_attention": {"rope_theta": 90.0}},
            },
        ),
        ("NomicBertModel", {"max_position_embeddings": 2000}),
    ],
    ids=["as published", "other settings", "nomic"],
)
def test_hidden_states_of_long_rows(kind, settings, tmp_path, torch_reference):
    rng = np.random.default_rng(0)
    mask = (np.arange(max(LENGTHS)) < np.array(LENGTHS)[:, None]).astype("int32")
    features = {"token_ids": rng.integers(5, 100, mask.shape).astype("int32") * mask, "padding_mask": mask}
    arrays = {**features, "segment_ids": 0 * mask}
    settings = np.array(json.dumps({"vocab_size": 100, "num_hidden_layers": 4, **settings}))
    theirs = torch_reference("make", tmp_path, kind=np.array(kind), settings=settings, **arrays)["last_hidden_state"]
    encoder = tfbert.Encoder.from_checkpoint(tmp_path / "safetensors")
    for padded in (False, True):
        with padded_rows(padded):
            ours = np.asarray(encoder(features)["sequence_output"])
        difference = np.abs(ours - theirs)[mask == 1].max()
        print(f"largest difference: {difference:.2g} of {np.abs(theirs).max():.2g}")
        assert difference <= 1e-5
