"""A saved discriminator and its generator in `transformers`: the same logits at every token, and the same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny

import tfbert
from tfbert.encoders import families
from tfbert.encoders.weight_table import expand, from_layout, relative_variables

pytestmark = pytest.mark.reference
TEXTS = ["where is my order", "refund", "a b c d e"]


def saved_model(folder, embedding_size):
    """A model of random weights, without dropout, in a folder."""
    keras.utils.set_random_seed(0)
    tokenizer = tfbert.Tokenizer(tfbert.text.Vocabulary(tiny.tokens()))
    sizes = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "embedding_size": embedding_size}
    rates = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    encoder = {"model_type": "electra", **sizes, **rates}
    model = tfbert.ReplacedTokenDetector.of_size("tiny", tokenizer, encoder=encoder)
    model.compile()
    for variable in model.trainable_variables:  # some start as zeros and ones
        variable.assign_add(keras.random.normal(variable.shape, stddev=0.2))
    model.save(folder)
    return model


@pytest.mark.parametrize("embedding_size", [16, 32])  # with a projection to the width of 32, and without
def test_both_networks(embedding_size, tmp_path, torch_reference):
    model = saved_model(tmp_path / "saved", embedding_size)
    features = {name: np.asarray(value) for name, value in model.task.tokenizer(TEXTS).items()}
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


def test_gradients_of_a_step(tmp_path, torch_reference):
    """Of both losses, for every weight of both networks; the embeddings have the sum of both."""
    model = saved_model(tmp_path / "saved", 16)
    batch = {name: np.asarray(value) for name, value in model.task.tokenizer(TEXTS).items()}
    batch |= {
        "masked_positions": np.array([[1, 3], [1, 0], [2, 5]], "int32"),
        "masked_ids": np.array([[7, 9], [11, 0], [30, 40]], "int32"),
        "masked_weights": np.array([[1, 1], [1, 0], [1, 1]], "float32"),
        "draws": np.array([[0.1, 0.7], [0.4, 0.5], [0.95, 0.2]], "float32"),
    }
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    sums, gradients = model.step._gradients(tensors, model.step._totals(tensors))
    by_variable = {id(v): g for v, g in zip(model.trainable_weights, gradients, strict=True) if g is not None}
    theirs = torch_reference("replaced_tokens_gradients", tmp_path / "saved", **batch)
    loss = sums["mlm_loss"][0] / 5 + 50 * sums["rtd_loss"][0] / batch["padding_mask"].sum()
    np.testing.assert_allclose(loss, theirs["loss"], rtol=1e-6)
    compared, worst = set(), 0.0
    for part, network, head in (
        ("discriminator", model.network, "discriminator_predictions"),
        ("generator", model.generator.network, "predictions"),
    ):
        config = network.encoder.config
        table = families.family_of(config).table(config)
        variables = relative_variables(network.encoder)
        variables |= {f"{head}/{path}": v for path, v in relative_variables(network.get_layer(head)).items()}
        for row in expand((*table.encoder, *table.heads[head]), config.num_hidden_layers):
            prefix = "" if row.variable.startswith(head) else table.prefix
            name = f"grad/{part}.{prefix}{row.tensor}"
            if part == "generator" and name not in theirs:  # shared: its gradient has the discriminator's name
                assert row.variable.startswith("embeddings/")
                continue
            ours, wanted = by_variable[id(variables[row.variable])].numpy(), from_layout(theirs[name], row)
            compared.add(name)
            if row.variable.endswith("key/bias"):  # 0 but for rounding: softmax does not see a shift of all keys
                assert np.abs(ours).max() < 1e-4
                continue
            difference = np.linalg.norm(ours - wanted) / np.linalg.norm(wanted)
            assert difference <= 1e-4, name
            worst = max(worst, difference)
    print(f"largest relative difference of a gradient: {worst:.2g}")
    assert compared == {name for name in theirs if name != "loss"}
