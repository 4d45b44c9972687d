"""A saved discriminator and its generator, opened in `transformers`: the same logits at every token."""

import keras
import numpy as np
import pytest
import tiny

import tfbert

pytestmark = pytest.mark.reference


@pytest.mark.parametrize("embedding_size", [16, 32])  # with a projection to the width of 32, and without
def test_both_networks(embedding_size, tmp_path, torch_reference):
    keras.utils.set_random_seed(0)
    tokenizer = tfbert.Tokenizer(tfbert.text.Vocabulary(tiny.tokens()))
    sizes = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "embedding_size": embedding_size}
    model = tfbert.ReplacedTokenDetector.of_size("tiny", tokenizer, encoder={"model_type": "electra", **sizes})
    model.make_generator()
    for variable in model.trainable_variables:  # some start as zeros and ones
        variable.assign_add(keras.random.normal(variable.shape, stddev=0.2))
    model.save(tmp_path / "saved")
    features = {name: np.asarray(value) for name, value in tokenizer(["where is my order", "refund", "a b c"]).items()}
    kept = features["padding_mask"].astype(bool)
    every = np.tile(np.arange(kept.shape[1], dtype="int32"), (len(kept), 1))
    ours = {
        "logits": np.asarray(model(features)),
        "token_logits": np.asarray(model.token_logits({**features, "masked_positions": every})),
    }
    theirs = torch_reference("replaced_tokens", tmp_path / "saved", **features)
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name][kept], value[kept], atol=1e-5, err_msg=name)
        print(f"{name}: largest difference {np.abs(ours[name] - value)[kept].max():.2g}")
