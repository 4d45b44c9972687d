"""TokenClassifier in a Keras workflow, saved, loaded and served."""

import dataclasses
import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import TokenClassifier
from tfbert.data import Table
from tfbert.errors import ConfigError
from tfbert.export.saved_model.write import write_saved_model

TEXTS = ["Where is my parcel from Monday", "refund my order please", "", "the order, the parcel: late"] * 3
SPANS = [
    [[12, 18, "thing"], [24, 30, "day"]],
    [[10, 15, "thing"]],
    [],
    [[0, 9, "thing"], {"start": 11, "end": 21, "label": "thing"}],
] * 3
WORDS = [["Where", "is", "my", "parcel"], ["the", "order", "the", "parcel", "was", "late"], []] * 3
TAGS = [["O", "O", "O", "B-thing"], ["I-thing", "I-thing", "B-thing", "I-thing", "O", "O"], []] * 3


@pytest.fixture
def model(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["day", "thing"])
    model.compile(tfbert.AdamW(5e-3))
    return model


@pytest.fixture(scope="module")
def trained(tiny_checkpoint):
    """One that reads short windows and was trained on words."""
    keras.utils.set_random_seed(0)
    model = TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["thing"], words=True, max_length=8, stride=2)
    model.compile(tfbert.AdamW(5e-3))
    table = Table.from_columns({"words": WORDS, "tags": TAGS})
    model.fit(table, epochs=30, batch_size=4, verbose=0)
    assert model.evaluate(table, return_dict=True)["f1"] == 1.0
    return model


def close(answers, others):
    assert len(answers) == len(others)
    for row, other in zip(answers, others, strict=True):
        assert len(row["entities"]) == len(other["entities"])
        for entity, same in zip(row["entities"], other["entities"], strict=True):
            score, other_score = entity.pop("score"), same.pop("score")
            assert entity == same
            assert score == pytest.approx(other_score, abs=1e-5)


def test_learns_evaluates_and_predicts_on_strings(model):
    before = model.evaluate(TEXTS, SPANS, return_dict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Keras' of variables without a gradient
        model.fit(TEXTS, SPANS, epochs=15, batch_size=4, verbose=0)
    after = model.evaluate(TEXTS, SPANS, return_dict=True)
    assert after["loss"] < before["loss"]
    assert after["f1"] == after["precision"] == after["recall"] == 1.0
    first, _, empty, last = model.predict(TEXTS[:4])
    assert [entity["entity"] for entity in first["entities"]] == ["parcel", "Monday"]
    assert [entity["label"] for entity in first["entities"]] == ["thing", "day"]
    assert empty == {"entities": []}
    assert [(entity["start"], entity["end"]) for entity in last["entities"]] == [(0, 9), (11, 21)]
    assert model.predict([]) == []


@pytest.mark.slow
def test_trained_transitions(tiny_checkpoint, tmp_path):
    """Trained, saved, loaded and served; an accumulated step is the same step."""
    models = []
    for accumulation in (1, 3):
        keras.utils.set_random_seed(0)
        model = TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["day", "thing"], transitions=True)
        assert "tag_transitions/transitions" in model.load_report.missing
        without_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.0}
        config = dataclasses.replace(model.encoder.config, **without_dropout)
        model = TokenClassifier(model.task, config)
        model.compile(tfbert.AdamW(5e-3), accumulation=accumulation)
        model.fit(TEXTS, SPANS, epochs=1, batch_size=6, verbose=0)
        models.append(model)
    scores = [model.network.get_layer("tag_transitions").scores() for model in models]
    np.testing.assert_allclose(*scores, atol=1e-4)
    assert np.abs(scores[0]).max() > 0.3

    model.fit(TEXTS, SPANS, epochs=20, batch_size=4, verbose=0)
    assert model.evaluate(TEXTS, SPANS, return_dict=True)["f1"] == 1.0
    answers = model.predict(TEXTS)
    model.save(tmp_path / "saved")
    loaded = tfbert.load(tmp_path / "saved")
    assert not loaded.load_report.missing
    close(loaded.predict(TEXTS), answers)
    model.save(tmp_path / "mine.keras")
    close(keras.models.load_model(tmp_path / "mine.keras").predict(TEXTS), model.predict(TEXTS))
    write_saved_model(model, tmp_path / "1", xla_buckets=True)
    signature = tf.saved_model.load(tmp_path / "1").signatures["serving_default"]
    assert signature(text=tf.constant([], tf.string))["label"].shape == (0, 0)
    served = signature(text=tf.constant(TEXTS))
    close(model.task.readable({name: value.numpy() for name, value in served.items()}), model.predict(TEXTS))


def test_words_and_raw_text(trained):
    answers = trained.predict({"words": WORDS})
    assert [entity["entity"] for entity in answers[1]["entities"]] == ["the order", "the parcel"]
    assert [(entity["word_start"], entity["word_end"]) for entity in answers[1]["entities"]] == [(0, 2), (2, 4)]
    raw = trained.predict([" ".join(words) for words in WORDS])
    assert "word_start" not in raw[0]["entities"][0]
    for row, other in zip(answers, raw, strict=True):
        assert [entity["start"] for entity in row["entities"]] == [entity["start"] for entity in other["entities"]]


def test_long_texts_lose_nothing_and_the_batch_does_not_matter(trained):
    texts = [" ".join(["where is my parcel"] * 40), "", "my parcel", "x" * 3000]
    alone = [trained.predict([text])[0] for text in texts]
    assert alone[0]["entities"][-1]["end"] == len(texts[0])
    close(trained.predict(texts), alone)


@pytest.mark.slow
def test_accumulation_takes_windows_apart(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["day", "thing"], max_length=8, stride=2)
    model.compile(tfbert.AdamW(5e-3), accumulation=2)
    model.fit(TEXTS, SPANS, epochs=15, batch_size=4, verbose=0)
    assert model.evaluate(TEXTS, SPANS, return_dict=True)["f1"] == 1.0


def test_saves_a_hugging_face_folder(trained, tmp_path):
    trained.save(tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert config["architectures"] == ["BertForTokenClassification"]
    assert config["id2label"] == {"0": "O", "1": "B-thing", "2": "I-thing"}
    again = tfbert.load(tmp_path / "model")
    assert again.task.settings() == trained.task.settings()
    assert again.predict({"words": WORDS}) == trained.predict({"words": WORDS})

    # A folder of Hugging Face's own, with its tags in another order.
    del config["tfbert"]
    order = [2, 0, 1]
    config["id2label"] = {str(i): ["O", "B-thing", "I-thing"][k] for i, k in enumerate(order)}
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    other = TokenClassifier.from_checkpoint(tmp_path / "model", words=True, max_length=8, stride=2)
    assert (other.task.labels, other.task.tags) == (("thing",), ("I-thing", "O", "B-thing"))
    classifier, source = other.network.get_layer("classifier"), trained.network.get_layer("classifier")
    classifier.kernel.assign(source.kernel.numpy()[:, order])
    classifier.bias.assign(source.bias.numpy()[order])
    close(other.predict({"words": WORDS}), trained.predict({"words": WORDS}))


def test_what_is_served_is_predicts_answer(trained):
    def text(**inputs):
        return trained.answer(inputs)

    words = text
    readable = trained.task.readable
    for texts in ([], [""], ["where is my parcel"], TEXTS, ["where is my parcel " * 30, "", "é parcel"]):
        answer = {name: value.numpy() for name, value in text(text=tf.constant(texts, tf.string)).items()}
        assert all(value.shape[0] == len(texts) for value in answer.values())
        close(readable(answer), trained.predict(texts))
    for rows in ([], [[]], WORDS, [["", "parcel", ""], ["my"]]):
        most = max(map(len, rows), default=0)
        dense = np.array([[*row, *[""] * (most - len(row))] for row in rows], object).reshape(len(rows), most)
        answer = {name: value.numpy() for name, value in words(words=tf.constant(dense, tf.string)).items()}
        close(readable(answer), trained.predict({"words": rows}) if rows else [])


def test_trained_on_text_it_serves_text_alone(model):
    assert set(model.task.signatures) == {"serving_default"}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["mixed_bfloat16"])
def test_half_precision_learns(tiny_checkpoint, dtype):
    keras.utils.set_random_seed(0)
    model = TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["day", "thing"], dtype=dtype)
    model.compile(tfbert.AdamW(5e-3))
    model.fit(TEXTS, SPANS, epochs=15, batch_size=4, verbose=0)
    assert model.evaluate(TEXTS, SPANS, return_dict=True)["f1"] == 1.0


def test_errors(tiny_checkpoint, model, tmp_path):
    with pytest.raises(ConfigError, match="needs the labels of its entities"):
        TokenClassifier.from_checkpoint(tiny_checkpoint)
    with pytest.raises(ConfigError, match="no setting 'label'; did you mean 'labels'"):
        TokenClassifier.from_checkpoint(tiny_checkpoint, label=["a"])
    model.save(tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    del config["tfbert"]
    config["id2label"]["1"] = "E-day"
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="its tags are O, E-day, I-day, .* not O, B-x and I-x; give labels"):
        TokenClassifier.from_checkpoint(tmp_path / "model")
