"""Summarizer in a Keras workflow, saved and served."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import Summarizer
from tfbert.data import Table
from tfbert.errors import ConfigError

# A summary is what is said of money. Documents are longer than a window.
OTHERS = ["Where is my parcel?", "My order is late.", "I want it on monday!", "The parcel should have been here."]
MONEY = ["I want my money back.", "Refund my order please.", "The money is late!"]


def documents(size):
    random = np.random.default_rng(0)
    rows, summaries = [], []
    for _ in range(size):
        sentences = [*random.choice(OTHERS, 5), str(random.choice(MONEY))]
        random.shuffle(sentences)
        rows.append(" ".join(sentences))
        summaries.append(next(text for text in sentences if text in MONEY))
    return rows, summaries


DOCUMENTS, SUMMARIES = documents(16)


@pytest.fixture
def model(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = Summarizer.from_checkpoint(tiny_checkpoint, max_length=24, sentences=1)
    model.compile(tfbert.AdamW(1e-2))
    return model


def served(folder, texts):
    loaded = tf.saved_model.load(str(folder))
    return {name: value.numpy() for name, value in loaded.signatures["serving_default"](document=texts).items()}


@pytest.mark.slow
def test_learns_saves_and_serves(model, tmp_path):
    before = model.evaluate(DOCUMENTS, SUMMARIES, return_dict=True)
    model.fit(DOCUMENTS, SUMMARIES, epochs=12, batch_size=4, verbose=0)
    after = model.evaluate(DOCUMENTS, SUMMARIES, return_dict=True)
    assert after["loss"] < 0.2 < before["loss"]
    assert after["rouge1"] == after["rougeLsum"] == 1.0 > after["lead_rouge1"]
    texts = [*documents(24)[0][16:], "", "I want my money back"]  # new ones
    answers = model.predict(texts)
    assert [row["summary"] in MONEY for row in answers[:8]] == [True] * 8
    part = answers[0]["sentences"][0]
    assert texts[0][part["start"] : part["end"]] == part["text"] == answers[0]["summary"]
    assert np.mean([row["sentences"][0]["score"] for row in answers[:8]]) > 0.5
    assert answers[8] == {"summary": "", "sentences": []}
    assert answers[9]["summary"] == texts[9]

    model.save(tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert config["architectures"] == ["BertForExtractiveSummarization"]
    assert config["tfbert"]["settings"]["sentences"] == 1
    assert tfbert.load(tmp_path / "model").predict(texts) == answers
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").predict(texts) == answers

    model.export(tmp_path / "served/1")
    values = served(tmp_path / "served/1", tf.constant(texts))
    assert [summary.decode() for summary in values["summary"]] == [row["summary"] for row in answers]
    scores = [[part["score"] for part in row["sentences"]] or [0.0] for row in answers]
    np.testing.assert_allclose(values["scores"], scores, atol=1e-6)


@pytest.mark.slow
def test_batches_of_any_size(tiny_checkpoint):
    model = Summarizer.from_checkpoint(tiny_checkpoint, max_length=24, sentences=4)

    def answer(**inputs):
        return model.answer(inputs)

    keys = {"summary", "sentences", "scores", "start", "end", "byte_start", "byte_end", "sentence_ids"}
    for texts in ([], [""], ["", ". !"], DOCUMENTS, [DOCUMENTS[0] * 50, "", "好。" * 9]):
        values = answer(document=tf.constant(texts, tf.string))
        assert set(values) == keys
        assert values["summary"].shape[0] == values["scores"].shape[0] == len(texts)
        assert [text.decode() for text in values["summary"].numpy()] == [r["summary"] for r in model.predict(texts)]
    broken = answer(document=tf.constant([b"\xff\xfe refund. \xc3 order", b"\x00"]))
    assert broken["summary"].numpy().tolist() == [b"\xff\xfe refund. \xc3 order", b""]


def test_the_batch_does_not_matter(model):
    texts = [DOCUMENTS[0] * 3, "", *DOCUMENTS[1:5], "refund. order"]
    alone = [model.predict([text])[0] for text in texts]
    for together, one in zip(model.predict(texts), alone, strict=True):
        assert together["summary"] == one["summary"]
        np.testing.assert_allclose(
            [part["score"] for part in together["sentences"]], [part["score"] for part in one["sentences"]], atol=1e-6
        )


def test_a_batch_in_parts_has_the_gradients_of_the_whole(model):
    table = Table.from_columns({"document": DOCUMENTS[:6], "summary": SUMMARIES[:6]})
    batches = model._batches(table, None, 6, shuffle=False)
    _, features, target = next(iter(batches.once()))
    assert len(features["rows"]) > 6
    for layer in model._flatten_layers():  # dropout differs from part to part
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0
    total = model.step.loss_denominator(features, target)
    _, _, whole = model.step.gradients(features, target, None, total)
    model.step.accumulation = 3
    _, _, parts = model.step.accumulated_gradients(features, target, None, total)
    assert sum(gradient is not None for gradient in parts) > 10
    for one, other in zip(whole, parts, strict=True):
        if other is not None:
            np.testing.assert_allclose(tf.convert_to_tensor(one), other, atol=1e-5)


@pytest.mark.slow
def test_given_labels_and_accumulation(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = Summarizer.from_checkpoint(tiny_checkpoint, max_length=24, ratio=0.2)
    model.compile(tfbert.AdamW(5e-3), accumulation=2)
    sentences = [model.task.splitter(tf.constant([text])) for text in DOCUMENTS]
    sentences = [
        [part.decode() for part in model.task.splitter.texts(tf.constant([text]), found).numpy()]
        for text, found in zip(DOCUMENTS, sentences, strict=True)
    ]
    labels = [[int(text in MONEY) for text in row] for row in sentences]
    table = Table.from_columns({"sentences": sentences, "labels": labels})
    model.fit(table, epochs=6, batch_size=4, verbose=0)
    values = model.evaluate(table, return_dict=True)
    assert (values["f1"], values["precision"], values["recall"]) == (1.0, 1.0, 1.0)
    assert next(iter(values)) == "loss" and len(values) == 4


def test_the_usual_length_is_all_that_the_checkpoint_takes(tiny_checkpoint):
    assert Summarizer.from_checkpoint(tiny_checkpoint).task.max_length == 128  # its positions
    with pytest.raises(ConfigError, match="no setting 'ratios'; did you mean 'ratio'"):
        Summarizer.from_checkpoint(tiny_checkpoint, ratios=0.5)


def test_a_dataset_of_strings_has_no_labels(model):
    data = tf.data.Dataset.from_tensor_slices((DOCUMENTS, SUMMARIES)).batch(4)
    with pytest.raises(Exception, match="summaries become labels in a Table"):  # AutoGraph wraps it
        model.fit(data, verbose=0)
