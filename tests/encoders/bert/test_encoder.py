"""The encoder against a plain numpy reading of the paper, and its behaviour as a Keras model."""

import dataclasses

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tfbert import BertConfig, BertEncoder
from tfbert.encoders.weight_table import relative_variables

CONFIG = BertConfig(
    vocab_size=50,
    hidden_size=12,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=20,
    max_position_embeddings=16,
    initializer_range=0.5,
)
TOKEN_IDS = np.array([[2, 7, 9, 11, 3], [2, 8, 3, 0, 0]])
SEGMENT_IDS = np.array([[0, 0, 1, 1, 1], [0, 0, 0, 0, 0]])
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
FEATURES = {"token_ids": TOKEN_IDS, "segment_ids": SEGMENT_IDS, "padding_mask": MASK}


def encoder_of(config=CONFIG, **kwargs):
    keras.utils.set_random_seed(1)
    encoder = BertEncoder(config, **kwargs)
    encoder.build()
    for i, variable in enumerate(encoder.weights):  # biases and LayerNorms that are 0 and 1 would hide mistakes
        variable.assign(variable + 0.3 * np.random.default_rng(i).normal(size=variable.shape))
    return encoder


def numpy_bert(weights, config):
    """BERT's forward pass, one sentence and one head at a time, in float64."""

    def w(name):
        return np.asarray(weights[name], np.float64)

    def norm(x, name):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + config.layer_norm_eps) * w(f"{name}/gamma") + w(f"{name}/beta")

    def dense(x, name):
        return x @ w(f"{name}/kernel") + w(f"{name}/bias")

    def gelu(x):
        if config.hidden_act == "gelu":
            return x * scipy.special.ndtr(x)
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    sequences, pooled = [], []
    for ids, segments, mask in zip(TOKEN_IDS, SEGMENT_IDS, MASK, strict=True):
        x = w("embeddings/token/embeddings")[ids] + w("embeddings/position/embeddings")[: len(ids)]
        x = norm(x + w("embeddings/segment/embeddings")[segments], "embeddings/layer_norm")
        for i in range(config.num_hidden_layers):
            block = f"block_{i}"
            q, k, v = (dense(x, f"{block}/attention/{name}") for name in ("query", "key", "value"))
            heads = []
            for h in range(config.num_attention_heads):
                part = slice(h * config.head_size, (h + 1) * config.head_size)
                scores = q[:, part] @ k[:, part].T / np.sqrt(config.head_size)
                scores[:, mask == 0] = -np.inf
                heads.append(scipy.special.softmax(scores, -1) @ v[:, part])
            attended = dense(np.concatenate(heads, -1), f"{block}/attention/output")
            x = norm(x + attended, f"{block}/attention_norm")
            forward = dense(gelu(dense(x, f"{block}/feed_forward/intermediate")), f"{block}/feed_forward/output")
            x = norm(x + forward, f"{block}/output_norm")
        sequences.append(x)
        pooled.append(np.tanh(dense(x[0], "pooler")))
    return np.array(sequences), np.array(pooled)


@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_new"])
def test_equals_the_paper_read_in_numpy(hidden_act):
    config = dataclasses.replace(CONFIG, hidden_act=hidden_act)
    encoder = encoder_of(config)
    outputs = encoder(FEATURES)
    sequence, pooled = numpy_bert(relative_variables(encoder), config)
    kept = MASK.astype(bool)
    np.testing.assert_allclose(np.asarray(outputs["sequence_output"])[kept], sequence[kept], atol=2e-5)
    np.testing.assert_allclose(outputs["pooled_output"], pooled, atol=2e-5)


def test_segments_and_mask_default_to_one_unpadded_text():
    encoder = encoder_of()
    given = encoder(
        {"token_ids": TOKEN_IDS, "segment_ids": np.zeros_like(TOKEN_IDS), "padding_mask": np.ones_like(TOKEN_IDS)}
    )
    np.testing.assert_array_equal(encoder({"token_ids": TOKEN_IDS})["pooled_output"], given["pooled_output"])


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16", "bfloat16", "float16"])
def test_a_fully_masked_row_stays_finite(dtype):
    encoder = encoder_of(dtype=dtype)
    features = {**FEATURES, "padding_mask": MASK * np.array([[1], [0]])}
    with tf.GradientTape() as tape:
        outputs = encoder(features)
        loss = tf.reduce_sum(tf.cast(outputs["sequence_output"], tf.float32))
    assert np.isfinite(np.asarray(tf.cast(outputs["sequence_output"], tf.float32))).all()
    for gradient in tape.gradient(loss, encoder.trainable_variables):
        if gradient is None:  # the pooler, which the loss does not see
            continue
        assert np.isfinite(tf.convert_to_tensor(tf.cast(gradient, tf.float32)).numpy()).all()


def test_half_precision_is_close():
    full = encoder_of()(FEATURES)["pooled_output"]
    half = encoder_of(dtype="mixed_bfloat16")(FEATURES)["pooled_output"]
    assert half.dtype == tf.float32  # sums and LayerNorms are
    assert np.abs(half - full).mean() < 0.03  # bfloat16 has 8 bits; pooled outputs span -1..1


def test_every_weight_has_a_gradient():
    encoder = encoder_of()
    with tf.GradientTape() as tape:
        outputs = encoder(FEATURES, training=True)
        loss = tf.reduce_sum(outputs["pooled_output"] ** 2) + tf.reduce_sum(outputs["sequence_output"] ** 3)
    for variable, gradient in zip(
        encoder.trainable_variables, tape.gradient(loss, encoder.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path


def test_dropout_acts_in_training_only():
    encoder = encoder_of()
    still = [np.asarray(encoder(FEATURES)["pooled_output"]) for _ in range(2)]
    moved = [np.asarray(encoder(FEATURES, training=True)["pooled_output"]) for _ in range(2)]
    np.testing.assert_array_equal(*still)
    assert not np.allclose(*moved)


def test_inside_a_functional_model(tmp_path):
    encoder = encoder_of()
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in FEATURES}
    outputs = encoder(inputs, return_hidden_states=True)
    model = keras.Model(inputs, keras.layers.Dense(2)(outputs["hidden_states"][1][:, 0]))
    model.compile("sgd", "mse")
    model.fit(FEATURES, np.zeros((2, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(FEATURES, verbose=0), model.predict(FEATURES, verbose=0), atol=1e-6)


def test_no_retracing_for_another_length():
    encoder, traces = encoder_of(), []

    @tf.function(reduce_retracing=True)
    def run(features):
        traces.append(1)
        return encoder(features)["pooled_output"]

    for length in (2, 3, 4, 5):
        run({name: tf.constant(value[:, :length]) for name, value in FEATURES.items()})
    assert len(traces) <= 2


def test_errors():
    encoder = encoder_of()
    with pytest.raises(ValueError, match="17 tokens is longer than the 16 that the encoder reads"):
        encoder({"token_ids": np.ones((1, 17), int)})
    with pytest.raises(ValueError, match=r"\[batch, sequence\]"):
        encoder({"token_ids": np.ones(3, int)})
