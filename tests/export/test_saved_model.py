"""The exported graph against the model in Python, in a process without Keras and tfbert."""

import json
import shutil
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

import tfbert
from tfbert import TextClassifier
from tfbert.errors import DiskError
from tfbert.export.saved_model.assets import WARM_UP
from tfbert.serving.models.record_file import records


def test_real_weights_moved_and_alone(minilm, data_dir, runtime, tmp_path):
    """1,000 real sentences: the graph's probabilities equal `predict`'s to 1e-5."""
    keras.utils.set_random_seed(0)
    model = TextClassifier.from_checkpoint(minilm, labels=["negative", "positive"])
    classifier = model.network.get_layer("classifier")
    classifier.kernel.assign(classifier.kernel * 50)  # an untrained head says 0.5 to everything
    model.export(tmp_path / "served/1")
    shutil.move(tmp_path / "served", tmp_path / "elsewhere")
    size = sum(path.stat().st_size for path in (tmp_path / "elsewhere").rglob("*") if path.is_file())
    assert size < 1.05 * (minilm / "model.safetensors").stat().st_size

    texts = tfbert.data.read(data_dir("classification/sst2_glue/test-labeled.tsv")).column("sentence")[:1000]
    answers = runtime.ask(tmp_path / "elsewhere/1", {"text": texts})
    predicted = model.predict(texts)
    probabilities = np.array([list(row["probabilities"].values()) for row in predicted])
    assert probabilities[:, 1].std() > 0.1
    np.testing.assert_allclose(answers["probabilities"], probabilities, atol=1e-5)
    assert [label.decode() for label in answers["label"]] == [row["label"] for row in predicted]
    softmax = np.exp(answers["logits"]) / np.exp(answers["logits"]).sum(-1, keepdims=True)
    np.testing.assert_allclose(answers["probabilities"], softmax, atol=1e-6)


def signature(folder):
    # The loaded object must outlive its signature.
    loaded = tf.saved_model.load(str(folder))
    return loaded, loaded.signatures["serving_default"]


@pytest.fixture
def exported(tiny_checkpoint, tmp_path):
    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b", "c"])
    model.export(tmp_path / "served/1")
    return model, tmp_path / "served/1"


def test_a_model_is_the_same_file_each_time(exported, tmp_path):
    """The seeds of dropout are drawn anew whenever a model is loaded, and serve no answer."""
    model, folder = exported
    model.save(tmp_path / "model")
    tfbert.load(tmp_path / "model").export(tmp_path / "served/2")
    data = "variables/variables.data-00000-of-00001"
    assert (tmp_path / "served/2" / data).read_bytes() == (folder / data).read_bytes()


def test_batches_of_any_size(exported):
    model, folder = exported
    loaded, answer = signature(folder)
    for texts in ([], ["refund"], [""], ["order " * 200_000, ""], ["where is it"] * 33):
        values = answer(text=tf.constant(texts, tf.string))
        assert values["label"].shape == (len(texts),)
        assert values["probabilities"].shape == values["logits"].shape == (len(texts), 3)
        wanted = [list(row["probabilities"].values()) for row in model.predict(texts)]
        np.testing.assert_allclose(values["probabilities"], np.reshape(wanted, (-1, 3)), atol=1e-6)
    broken = answer(text=tf.constant([b"\xff\xfe refund \xc3", b"\x00"]))  # not UTF-8
    assert np.isfinite(broken["logits"]).all()


def test_pairs_and_numbers(tiny_checkpoint, tmp_path):
    model = TextClassifier.from_checkpoint(tiny_checkpoint, problem="regression", pairs=True, dtype="mixed_bfloat16")
    model.export(tmp_path / "1")
    loaded, answer = signature(tmp_path / "1")
    assert {spec.name for spec in answer.structured_input_signature[1].values()} == {"text", "text_pair"}
    values = answer(text=tf.constant(["a", "b"]), text_pair=tf.constant(["c", "d"]))
    assert set(values) == {"score"}
    wanted = [row["score"] for row in model.predict((["a", "b"], ["c", "d"]))]
    np.testing.assert_allclose(values["score"], wanted, atol=1e-6)


def test_several_labels(tiny_checkpoint, tmp_path):
    model = TextClassifier.from_checkpoint(
        tiny_checkpoint, labels=["a", "b"], problem="multi_label", thresholds=(0.0, 1.0)
    )
    model.export(tmp_path / "1")
    loaded, answer = signature(tmp_path / "1")
    assert answer(text=tf.constant(["x"]))["label"].numpy().tolist() == [[b"a", b""]]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({}, "Feature: text .* is required but could not be found"),
        ({"txt": [b"refund"]}, "Feature: text .* is required but could not be found"),
        ({"text": []}, "Key: text, Index: 1"),
        ({"text": [b"refund", b"late"]}, "Key: text, Index: 1"),
        ({"text": [3]}, "(Feature|Key): text.*Data types don't match"),
    ],
)
def test_an_example_without_its_one_text_is_an_error(classified, features, message):
    answer, good = classified
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        answer(inputs=tf.constant([good, example(features)]))
    assert answer(inputs=tf.constant([good, example({"text": [b""], "id": [7]})]))["scores"].shape == (2, 3)


@pytest.fixture(scope="module")
def classified(tiny_checkpoint, tmp_path_factory):
    """The signature `classify`, and an example that it takes."""
    folder = tmp_path_factory.mktemp("served") / "1"
    TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b", "c"]).export(folder)
    loaded = tf.saved_model.load(str(folder))
    yield loaded.signatures["classify"], example({"text": [b"where is it"]})


def example(features):
    message = tf.train.Example()
    for name, values in features.items():
        feature = message.features.feature[name]
        numbers = bool(values) and isinstance(values[0], int)
        (feature.int64_list if numbers else feature.bytes_list).SetInParent()
        (feature.int64_list if numbers else feature.bytes_list).value.extend(values)
    return message.SerializeToString()


def test_labels_are_beside_the_graph(exported):
    _, folder = exported
    card = json.loads((folder / "assets.extra/config.json").read_text())
    assert (card["task"], card["settings"]["labels"]) == ("classification", ["a", "b", "c"])


def test_another_folder_is_not_overwritten(exported, tmp_path):
    model, _ = exported
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("x")
    with pytest.raises(DiskError, match="is not replaced"):
        model.export(tmp_path / "mine")


def test_missing_warm_up_requests_are_told(exported, tmp_path, monkeypatch, caplog):
    model, folder = exported
    assert (folder / WARM_UP).exists()
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    model.export(tmp_path / "1")
    assert not (tmp_path / "1" / WARM_UP).exists()
    assert "pip install 'tfbert[serving]'" in caplog.text


def test_the_first_request_has_a_usual_length(exported):
    """For such oneDNN packs the weights best."""
    model, folder = exported
    log = prediction_log_pb2.PredictionLog.FromString(next(iter(records(folder / WARM_UP))))
    text = log.predict_log.request.inputs["text"].string_val
    tokens = model.task.features({"text": tf.constant(text)})["padding_mask"]
    assert len(text) == 1 and 16 <= int(tf.reduce_sum(tokens)) <= 32


@pytest.fixture(scope="module")
def encode(tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encode") / "1"
    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"])
    model.export(folder)
    loaded = tf.saved_model.load(str(folder))  # must outlive its signature
    return loaded, loaded.signatures["encode_ids"], model.encoder


def ids(**changes):
    values = {"token_ids": [[2, 5, 3]], "segment_ids": [[0, 1, 1]], "padding_mask": [[1, 1, 0]], **changes}
    return {name: tf.constant(value, tf.int32) for name, value in values.items()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token_ids": [[2, -1, 3]]}, "token_ids must be from 0 to {last}"),
        ({"token_ids": [[2, 10**6, 3]]}, "token_ids must be from 0 to {last}"),
        ({"segment_ids": [[0, 7, 0]]}, "segment_ids must be from 0 to 1"),
        ({"segment_ids": [[0, -1, 0]]}, "segment_ids must be from 0 to 1"),
        ({"padding_mask": [[1, 7, 1]]}, "padding_mask must be from 0 to 1"),
        ({"padding_mask": [[1, -1, 1]]}, "padding_mask must be from 0 to 1"),
        ({"segment_ids": [[0]]}, "segment_ids must have the shape of token_ids"),
        ({"padding_mask": [[1]]}, "padding_mask must have the shape of token_ids"),
        ({name: [[1] * 600] for name in ids()}, "a row is longer than the {longest} tokens"),
    ],
)
def test_ids_that_the_encoder_cannot_read_are_invalid(encode, changes, message):
    _, call, encoder = encode
    message = message.format(last=encoder.vocab_size - 1, longest=encoder.max_tokens)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message) as caught:
        call(**ids(**changes))
    assert "1000000" not in str(caught.value)


def test_ids_at_the_limits_are_read(encode):
    _, call, encoder = encode
    for features in (
        ids(token_ids=[[encoder.vocab_size - 1] * 3]),
        {name: np.zeros((0, 5), "int32") for name in ids()},
    ):
        answer = call(**{name: tf.constant(value) for name, value in features.items()})
        np.testing.assert_allclose(
            answer["sequence_output"],
            encoder({name: np.array(value) for name, value in features.items()})["sequence_output"],
            atol=1e-5,
        )
