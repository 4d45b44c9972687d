"""The encoder against a plain numpy reading of the paper."""

import dataclasses

import keras
import numpy as np
import onnxruntime
import pytest
import scipy.special

from tfbert.encoders.modernbert.config import ModernBertConfig
from tfbert.encoders.modernbert.encoder import ModernBertEncoder
from tfbert.encoders.weight_table import relative_variables
from tfbert.export.onnx.graph import GraphWriter

CONFIG = ModernBertConfig(
    vocab_size=50,
    hidden_size=12,
    num_hidden_layers=4,
    num_attention_heads=3,
    intermediate_size=20,
    max_position_embeddings=16,
    initializer_range=0.5,
    local_attention=4,
    pad_token_id=0,
)
BIASED = dataclasses.replace(
    CONFIG, norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True, classifier_pooling="mean"
)
TOKEN_IDS = np.array([[2, 7, 9, 11, 3, 6, 8, 9], [2, 8, 3, 0, 0, 0, 0, 0]])
MASK = np.array([[1] * 8, [1, 1, 1] + [0] * 5])
FEATURES = {"token_ids": TOKEN_IDS, "padding_mask": MASK}


def encoder_of(config=CONFIG, **kwargs):
    keras.utils.set_random_seed(1)
    encoder = ModernBertEncoder(config, **kwargs)
    encoder.build()
    for i, variable in enumerate(encoder.weights):  # LayerNorms that are 0 and 1 would hide mistakes
        variable.assign(variable + 0.3 * np.random.default_rng(i).normal(size=variable.shape))
    return encoder


def numpy_modernbert(weights, c):
    """The forward pass, one sentence and one head at a time, in float64."""

    def w(name):
        return np.asarray(weights[name], np.float64) if name in weights else 0.0

    def norm(x, name):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + c.layer_norm_eps) * w(f"{name}/gamma") + w(f"{name}/beta")

    def dense(x, name):
        return x @ w(f"{name}/kernel") + w(f"{name}/bias")

    def gelu(x):
        return x * scipy.special.ndtr(x)

    def turned(x, theta):  # of a head [S, D]: numbers i and i + D/2 are a point of the plane
        half = c.head_size // 2
        points = x[:, :half] + 1j * x[:, half:]
        points = points * np.exp(1j * np.arange(len(x))[:, None] * theta ** (-np.arange(half) / half))
        return np.concatenate([points.real, points.imag], axis=1)

    sequences, pooled = [], []
    for ids in (row[mask == 1] for row, mask in zip(TOKEN_IDS, MASK, strict=True)):
        x = norm(w("embeddings/token/embeddings")[ids], "embeddings/layer_norm")
        place = np.arange(len(ids))
        for i in range(c.num_hidden_layers):
            block, is_global = f"block_{i}", i % 3 == 0
            theta = c.global_rope_theta if is_global else c.local_rope_theta
            y = norm(x, f"{block}/attention_norm") if i else x
            q, k, v = (dense(y, f"{block}/attention/{name}") for name in ("query", "key", "value"))
            heads = []
            for h in range(c.num_attention_heads):
                part = slice(h * c.head_size, (h + 1) * c.head_size)
                scores = turned(q[:, part], theta) @ turned(k[:, part], theta).T / np.sqrt(c.head_size)
                if not is_global:
                    scores[np.abs(place[:, None] - place) > c.local_attention // 2] = -np.inf
                heads.append(scipy.special.softmax(scores, -1) @ v[:, part])
            x = x + dense(np.concatenate(heads, -1), f"{block}/attention/output")
            y = norm(x, f"{block}/feed_forward_norm")
            gated = gelu(dense(y, f"{block}/feed_forward/intermediate")) * dense(y, f"{block}/feed_forward/gate")
            x = x + dense(gated, f"{block}/feed_forward/output")
        x = norm(x, "final_norm")
        sequences.append(x)
        first = x[0] if c.classifier_pooling == "cls" else x.mean(0)
        pooled.append(norm(gelu(dense(first, "pooler/dense")), "pooler/norm"))
    return sequences, np.array(pooled)


@pytest.mark.parametrize("config", [CONFIG, BIASED], ids=["without biases", "with biases"])
def test_equals_the_paper_read_in_numpy(config):
    encoder = encoder_of(config)
    outputs = encoder(FEATURES)
    sequences, pooled = numpy_modernbert(relative_variables(encoder), config)
    for found, wanted in zip(outputs["sequence_output"], sequences, strict=True):
        np.testing.assert_allclose(found[: len(wanted)], wanted, atol=2e-5)
    np.testing.assert_allclose(outputs["pooled_output"], pooled, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_mean_of_a_packed_row_is_its_first_texts(dtype):
    """And a row without tokens has a finite vector."""
    encoder = encoder_of(BIASED, dtype=dtype)
    packed = {
        "token_ids": TOKEN_IDS,
        "padding_mask": MASK * np.array([[1], [0]]),
        "sequence_ids": np.array([[0, 0, 0, 1, 1, 1, 1, 1]] * 2),
        "position_ids": np.array([[0, 1, 2, 0, 1, 2, 3, 4]] * 2),
    }
    found = encoder(packed)
    alone = encoder({"token_ids": TOKEN_IDS[:1, :3]})
    tolerance = 1e-5 if dtype == "float32" else 0.05
    np.testing.assert_allclose(found["pooled_output"][:1], alone["pooled_output"], atol=tolerance)
    assert np.isfinite(found["pooled_output"]).all() and np.isfinite(found["sequence_output"]).all()


def test_arithmetic():
    config = dataclasses.replace(ModernBertConfig(), vocab_size=1000)
    length, predictions, hidden, inner = 1024, 20, 768, 1152
    of_layer = 4 * 2 * hidden * hidden + 3 * 2 * hidden * inner
    seen = 8 * length + 14 * 129  # keys of all tokens, or of 64 to either side and itself
    of_token = 22 * of_layer + 2 * 2 * hidden * seen
    of_prediction = 2 * hidden * hidden + 2 * hidden * 1000
    wanted = 3 * (of_token + of_prediction * predictions / length)
    assert ModernBertEncoder(config).flops_per_token(length, predictions) == pytest.approx(wanted)


@pytest.mark.parametrize("config", [CONFIG, BIASED], ids=["cls", "mean"])
def test_the_same_in_onnx(config):
    encoder, graph = encoder_of(config), GraphWriter()
    sequence_output = encoder.write_onnx(graph)
    encoder.write_onnx_text_vector(graph, sequence_output)
    encoder.write_onnx_token_vectors(graph, sequence_output)
    shape = ["batch", "sequence", config.hidden_size]
    outputs = {"sequence_output": shape, "token_vectors": shape, "pooled_output": [shape[0], shape[2]]}
    model = graph.model(dict.fromkeys(FEATURES, shape[:2]), outputs, {})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    features = {name: np.int32(value) for name, value in FEATURES.items()}
    found = dict(zip(outputs, session.run(list(outputs), features), strict=True))
    wanted = encoder(FEATURES)
    wanted["token_vectors"] = encoder.token_vectors(wanted["sequence_output"])
    for name, value in found.items():
        kept = MASK == 1 if value.ndim == 3 else slice(None)
        np.testing.assert_allclose(value[kept], np.asarray(wanted[name])[kept], atol=2e-5)
