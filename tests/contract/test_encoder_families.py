"""What every family of encoders does: a row of `table.FAMILIES` is all that a new one adds here."""

import functools
import itertools
import json

import keras
import models
import numpy as np
import onnx
import pytest
import table
import tensorflow as tf
import tiny

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.formats import written_formats
from tfbert.data import Table
from tfbert.encoders import families
from tfbert.encoders.layers.layouts import padded_rows
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import ConfigError
from tfbert.export.folder import export
from tfbert.export.onnx.files import open_file, operations_when_loaded
from tfbert.export.onnx.graph import GraphWriter
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.runs.finetune import batches_of, finetune

TABLE = Table.from_columns({"text": table.TEXTS, "label": table.LABELS}, source="texts")
FEATURES = {
    "token_ids": np.array([[2, 7, 9, 11, 3], [2, 8, 3, 0, 0]], "int32"),
    "segment_ids": np.array([[0, 0, 1, 1, 1], [0, 0, 0, 0, 0]], "int32"),
    "padding_mask": np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], "int32"),
}


class FamilyCase:
    """A row of FAMILIES, and what is made of it when it is first asked for."""

    def __init__(self, name, folder):
        self.row, self.folder = table.FAMILIES[name], folder
        self.family = families.family(name)

    @functools.cached_property
    def encoder(self):
        return models.network_of(self.row.model_type, layers=2)

    @property
    def features(self):
        return {name: FEATURES[name] for name in self.encoder.input_names}

    @functools.cached_property
    def checkpoint(self):
        return models.write_checkpoint(self.folder / "checkpoint", self.encoder)

    @functools.cached_property
    def run(self):
        """The folder of a run of two steps."""
        keras.utils.set_random_seed(0)
        config = FinetuneConfig(
            task="classification", max_length=16, batch_size=4, epochs=1, out=str(self.folder / "run"), dev="texts"
        )
        model = tfbert.TextClassifier.from_checkpoint(self.checkpoint, labels=["late", "money"], max_length=16)
        assert model.load_report.missing == ("classifier/kernel", "classifier/bias")
        train, dev = (
            batches_of(model.task.examples(TABLE), model, config, shuffle=shuffle) for shuffle in (True, False)
        )
        self.metrics = finetune(model, train, dev, config)
        return self.folder / "run"

    @functools.cached_property
    def model(self):
        model = tfbert.load(self.run)
        model.compile()
        return model

    @functools.cached_property
    def exported(self):
        export(self.model, self.folder / "exported", precisions=["float32"])
        return self.folder / "exported"


def rows(is_slow):
    return [pytest.param(name, marks=[pytest.mark.slow] * is_slow(row)) for name, row in table.FAMILIES.items()]


with_a_task = pytest.mark.parametrize(
    "case", rows(lambda row: row.is_short or row.is_variant), indirect=True, scope="session"
)


@pytest.fixture(scope="session", params=rows(lambda row: row.is_variant))
def case(request, tmp_path_factory):
    return FamilyCase(request.param, tmp_path_factory.mktemp(request.param))


# an encoder by itself


def test_config_json_is_of_the_family(case):
    values = json.loads((case.checkpoint / "config.json").read_text())
    assert (values["model_type"], values["architectures"]) == (case.row.model_type, [case.family.architecture("")])
    assert families.config_from(values) == case.encoder.config
    assert (
        families.config_from({"model_type": case.row.model_type, **case.encoder.config.to_dict()})
        == case.encoder.config
    )


def test_an_encoder_and_its_tokenizer_come_from_a_checkpoint(case):
    encoder = tfbert.Encoder.from_checkpoint(case.checkpoint)
    assert type(encoder) is case.family.encoder and encoder.config == case.encoder.config
    wanted = case.encoder(case.features)
    for name, value in encoder(case.features).items():
        np.testing.assert_array_equal(value, wanted[name])
    tokens = tfbert.Tokenizer.from_checkpoint(case.checkpoint)(table.TEXTS)
    ids = {name: tokens[name] for name in encoder.input_names}
    assert encoder(ids)["sequence_output"].shape == (5, ids["token_ids"].shape[1], encoder.hidden_size)


def test_a_keras_file_of_an_encoder(case):
    path = case.folder / "encoder.keras"
    case.encoder.save(path)
    again = keras.models.load_model(path)
    assert again.config == case.encoder.config
    for name, value in again(case.features).items():
        np.testing.assert_array_equal(value, case.encoder(case.features)[name])


def test_the_weight_table_names_every_variable_once(case):
    written = open_checkpoint(case.checkpoint)
    assert written.shapes == {name: tuple(value.shape) for name, value in relative_variables(case.encoder).items()}
    for name, value in relative_variables(case.encoder).items():
        np.testing.assert_array_equal(written.value(name), value)


def test_hidden_states_and_attention_on_request(case):
    encoder, config = case.encoder, case.encoder.config
    found = encoder(case.features, return_hidden_states=True, return_attention_probs=True)
    assert [tuple(state.shape) for state in found["hidden_states"]] == [(2, 5, config.hidden_size)] * 3
    np.testing.assert_array_equal(found["hidden_states"][-1], found["sequence_output"])
    for probs in found["attention_probs"]:
        assert probs.shape == (2, config.num_attention_heads, 5, 5)
        np.testing.assert_allclose(np.sum(probs, -1), np.ones(probs.shape[:3]), atol=1e-6)
        assert np.asarray(probs)[1, :, :, 3:].max() == 0  # nobody looks at padding
    assert encoder(case.features).keys() == {"sequence_output", "pooled_output"}


def test_segments_of_a_family_without_them_are_named(case):
    if "segment_ids" not in case.encoder.input_names:
        with pytest.warns(UserWarning, match=f"{type(case.encoder).__name__} has no segments"):
            case.encoder(FEATURES)


def test_padding_changes_nothing(case):
    short = case.encoder({name: value[1:, :3] for name, value in case.features.items()})
    long = case.encoder({name: np.pad(value[1:], ((0, 0), (0, 9))) for name, value in case.features.items()})
    np.testing.assert_allclose(short["pooled_output"], long["pooled_output"], atol=1e-6)
    np.testing.assert_allclose(short["sequence_output"], long["sequence_output"][:, :3], atol=1e-6)


def test_onnx_runtime_fuses_its_graph(case, tmp_path):
    encoder, graph = case.encoder, GraphWriter()
    encoder.write_onnx(graph)
    free = ["batch", "sequence"]
    model = graph.model(dict.fromkeys(encoder.input_names, free), {"sequence_output": [*free, encoder.hidden_size]}, {})
    onnx.save(model, tmp_path / "model.onnx")
    counts = operations_when_loaded(tmp_path / "model.onnx")
    assert {kind: counts[kind] for kind in case.row.fused} == case.row.fused
    assert not {"Erf", "Sigmoid", "ReduceMean", "Sqrt", "Pow"} & counts.keys()  # no GELU or LayerNorm is in pieces
    found = open_file(tmp_path / "model.onnx")(case.features)
    is_token = FEATURES["padding_mask"][..., None]
    np.testing.assert_allclose(found * is_token, encoder(case.features)["sequence_output"] * is_token, atol=1e-5)


PATTERNS = ("ragged", "full", "holes", "a row without tokens")


def mask_of(pattern, size, rng):
    """padding_mask [B, 12]."""
    mask = (np.arange(12) < rng.integers(1, 13, size)[:, None]).astype("int32")
    if pattern == "full":
        mask[:] = 1
    if pattern == "holes":
        mask = rng.integers(0, 2, mask.shape).astype("int32")
    if pattern == "a row without tokens":
        mask[-1] = 0
    return mask


@pytest.mark.parametrize(
    ("dtype", "training", "packed"),
    [
        ("float32", True, True),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("float32", False, False),
                ("float32", True, False),
                ("mixed_bfloat16", True, False),
                ("float32", False, True),
                ("mixed_bfloat16", True, True),
            )
        ),
    ],
)
def test_padding_that_is_not_computed_changes_no_number(case, dtype, training, packed):
    encoder = families.encoder_of(case.encoder.config, dtype=dtype)
    encoder.build()
    for ours, theirs in zip(encoder.weights, case.encoder.weights, strict=True):
        ours.assign(theirs)
    for layer in encoder._flatten_layers():
        if isinstance(layer, tfbert.layers.Dropout):
            layer.rate = 0
    rng = np.random.default_rng(0)

    def outputs_and_gradients(features, weights):
        with tf.GradientTape() as tape:
            outputs = encoder(features, training=training)
            loss = sum(tf.reduce_sum(tf.cast(outputs[name], tf.float32) * weights[name]) for name in weights)
        gradients = tape.gradient(loss, encoder.trainable_variables)
        return outputs, [tf.convert_to_tensor(gradient) for gradient in gradients if gradient is not None]

    names = (*encoder.input_names, *(("sequence_ids", "position_ids") if packed else ()))
    specs = (
        dict.fromkeys(names, tf.TensorSpec([None, 12], tf.int32)),
        {
            "sequence_output": tf.TensorSpec([None, 12, encoder.hidden_size]),
            "pooled_output": tf.TensorSpec([None, encoder.hidden_size]),
        },
    )
    unpadded = tf.function(outputs_and_gradients, autograph=False).get_concrete_function(*specs)
    with padded_rows():
        padded = tf.function(outputs_and_gradients, autograph=False).get_concrete_function(*specs)
    tolerance = 1e-5 if dtype == "float32" else 0.05
    for pattern, size in itertools.product(PATTERNS, (1, 2, 3, 32, 256)):
        mask = mask_of(pattern, size, rng)
        features = {name: rng.integers(0, 2, mask.shape).astype("int32") for name in encoder.input_names}
        features |= {"token_ids": rng.integers(5, 20, mask.shape).astype("int32"), "padding_mask": mask}
        if packed:
            features["sequence_ids"] = np.sort(rng.integers(0, 3, mask.shape), axis=1).astype("int32")
            features["position_ids"] = rng.integers(0, 12, mask.shape).astype("int32")
        is_token = {"sequence_output": mask[..., None], "pooled_output": mask[:, :1]}
        weights = {  # none of what stands at padding
            name: tf.constant(there * rng.normal(size=(*there.shape[:-1], encoder.hidden_size)), tf.float32)
            for name, there in is_token.items()
        }
        as_tensors = {name: tf.constant(value) for name, value in features.items()}, weights
        (found, gradients), (wanted, wanted_gradients) = unpadded(*as_tensors), padded(*as_tensors)
        for name, is_there in is_token.items():
            np.testing.assert_allclose(found[name] * is_there, wanted[name] * is_there, atol=tolerance)
        assert np.abs(found["sequence_output"] * (1 - mask[..., None])).max() == 0
        scale = max(np.abs(gradient).max() for gradient in wanted_gradients)
        for ours, theirs in zip(gradients, wanted_gradients, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=tolerance * scale)


def test_packed_sequences_do_not_see_one_another(case):
    rows = {name: value[:, :3] for name, value in case.features.items()}
    packed = {name: value.reshape(1, 6) for name, value in rows.items()}
    packed["sequence_ids"] = np.array([[0, 0, 0, 1, 1, 1]], "int32")
    packed["position_ids"] = np.array([[0, 1, 2, 0, 1, 2]], "int32")
    apart = case.encoder(rows)["sequence_output"]
    np.testing.assert_allclose(case.encoder(packed)["sequence_output"][0], np.reshape(apart, (6, -1)), atol=1e-5)


def test_more_tokens_than_it_reads_are_refused(case):
    limit = case.encoder.max_tokens
    with pytest.raises(
        ValueError, match=f"a sequence of {limit + 1} tokens is longer than the {limit} that the encoder"
    ):
        case.encoder({"token_ids": np.ones((1, limit + 1), int)})
    assert case.encoder({"token_ids": np.ones((1, limit), int)})["pooled_output"].shape == (1, 32)
    with pytest.raises(ConfigError, match=f"max_length {limit + 1} is more than the {limit} tokens of"):
        tfbert.TextClassifier.from_checkpoint(case.checkpoint, labels=["a", "b"], max_length=limit + 1)


# with a task


@with_a_task
def test_a_run(case):
    values = json.loads((case.run / "model/config.json").read_text())
    assert values["architectures"] == [case.family.architecture("SequenceClassification")]
    assert (case.run / "report.html").exists()
    assert case.metrics["accuracy"] == case.model.evaluate(TABLE, return_dict=True, verbose=0)["accuracy"]
    before, now = relative_variables(case.encoder), relative_variables(case.model.encoder)
    assert type(case.model.encoder) is case.family.encoder
    assert np.mean([np.any(np.asarray(before[name]) != now[name]) for name in before]) > 0.5
    assert len(case.model.predict(table.TEXTS)) == 5


@with_a_task
def test_a_served_answer_is_predicts(case, runtime):
    answer = runtime.ask(case.exported / "1", {"text": np.array([text.encode() for text in table.TEXTS], object)})
    found = case.model.task.readable(answer)
    for row, wanted in zip(found, case.model.predict(table.TEXTS), strict=True):
        assert row["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-5)
    checked = json.loads((case.exported / "golden.json").read_text())["checked"]
    assert [row["file"] for row in checked] == ["1", "lite/model.tflite", "onnx/model.onnx"]
    for row in checked[1:]:
        assert 0 <= row["largest_difference"]["serving_default"] < 1e-4


@with_a_task
def test_masked_words_are_filled_in(case, tmp_path):
    model = tfbert.Pretrainer.from_checkpoint(case.checkpoint, max_length=16, top_k=2)
    texts = {"text": ["where is my [MASK]", "no mask"]}
    answers = model.predict(texts)
    assert [len(answer["masks"]) for answer in answers] == [1, 0]
    model.save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved/config.json").read_text())["architectures"] == [
        case.family.architecture("MaskedLM")
    ]
    again = tfbert.load(tmp_path / "saved")
    assert not again.load_report.missing and again.predict(texts) == answers


@pytest.mark.parametrize("form", written_formats())
def test_converts_to_every_format_that_has_it(case, form, tmp_path):
    source = open_checkpoint(case.checkpoint)
    if form != "hf" and form not in case.row.formats:
        pattern = case.row.refused.get(form, f"has no {case.family.name}; convert it to (keras_hub, )?hf")
        with pytest.raises(ConfigError, match=pattern):
            convert(source, form, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return
    convert(source, form, tmp_path / "out")
    again = open_checkpoint(tmp_path / "out")
    for name in set(source.shapes) & set(again.shapes):
        np.testing.assert_array_equal(again.value(name), source.value(name))
    lost = {"pooler"} if form in case.row.without_pooler else set()
    assert {name.split("/")[0] for name in source.shapes if name not in again.shapes} == lost


def test_the_table_has_every_family():
    """Those of the package, and one that lives in the tests."""
    assert set(table.FAMILIES) == set(families.model_types())
    assert tiny.config(1).model_type in table.FAMILIES
