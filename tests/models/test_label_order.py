"""A checkpoint's labels and those that are given: the answers stay, or the head starts anew and says so."""

import json
import logging

import numpy as np
import pytest

from tfbert import RelationExtractor, TextClassifier, TokenClassifier

TEXTS = ["my parcel is late", "where is the red lamp", "refund please"]
CLASSES = ["late", "lost", "broken"]


def with_head(model):
    """Weights that tell the logits apart."""
    for name in model.task.checkpoint_heads:
        layer = model.network.get_layer(name)
        layer.set_weights([np.random.default_rng(3).normal(0, 1, value.shape) for value in layer.get_weights()])
    return model


def as_hugging_face(folder, **changes):
    """The folder without what tfbert says of its task."""
    config = json.loads((folder / "config.json").read_text())
    config.pop("tfbert", None)
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


@pytest.fixture(scope="module")
def classifier(tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels") / "model"
    settings = {"problem": "multi_label", "thresholds": (0.1, 0.5, 0.9), "class_weights": (1, 2, 3)}
    with_head(TextClassifier.from_checkpoint(tiny_checkpoint, labels=CLASSES, **settings)).save(folder)
    return folder


def probabilities(model):
    return [answer["probabilities"] for answer in model.predict(TEXTS, verbose=0)]


def assert_same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        assert a == pytest.approx(b, abs=1e-6)


def test_another_order_of_a_saved_model(classifier, caplog):
    caplog.set_level(logging.INFO, logger="absl")
    wanted = probabilities(TextClassifier.from_checkpoint(classifier))
    assert len({round(value, 4) for value in wanted[0].values()}) == 3
    model = TextClassifier.from_checkpoint(classifier, labels=["broken", "late", "lost"])
    assert_same(probabilities(model), wanted)
    assert model.load_report.missing == ()
    assert "late, lost, broken, are put in the order of the task's, broken, late, lost" in model.load_report.notes[0]
    assert "are put in the order" in caplog.text
    assert (model.task.thresholds, model.task.class_weights) == ((0.9, 0.1, 0.5), (3, 1, 2))
    given = TextClassifier.from_checkpoint(classifier, labels=["lost", "late", "broken"], thresholds=(0.2, 0.3, 0.4))
    assert given.task.thresholds == (0.2, 0.3, 0.4)


def test_another_order_of_a_hugging_face_folder(classifier, tmp_path):
    model = TextClassifier.from_checkpoint(classifier)
    model.save(tmp_path / "other")
    folder = as_hugging_face(tmp_path / "other")
    read = TextClassifier.from_checkpoint(folder, labels=CLASSES[::-1], problem="multi_label")
    assert_same(probabilities(read), probabilities(model))


@pytest.mark.parametrize("labels", [["late", "lost", "other"], ["late", "lost"], ["late", "lost", "broken", "other"]])
def test_other_labels_start_anew(classifier, labels, caplog):
    model = TextClassifier.from_checkpoint(classifier, labels=labels)
    assert model.load_report.missing == ("classifier/kernel", "classifier/bias")
    assert "the head starts anew: the checkpoint's labels are late, lost, broken" in model.load_report.notes[0]
    assert "the head starts anew" in caplog.text
    assert (model.task.thresholds, model.task.class_weights) == ((), ())


def test_labels_without_names_take_those_that_are_given(classifier, tmp_path):
    model = TextClassifier.from_checkpoint(classifier)
    model.save(tmp_path / "other")
    folder = as_hugging_face(tmp_path / "other", id2label={str(i): f"LABEL_{i}" for i in range(3)})
    read = TextClassifier.from_checkpoint(folder, labels=["x", "y", "z"], problem="multi_label")
    assert [list(row.values()) for row in probabilities(read)] == [list(row.values()) for row in probabilities(model)]
    assert read.load_report.missing == ()
    assert "are called x, y, z" in read.load_report.notes[0]


@pytest.mark.parametrize("is_hugging_face", [False, True])
def test_tags_of_entities(tiny_checkpoint, tmp_path, is_hugging_face):
    labels, transitions = ["person", "place"], not is_hugging_face
    model = with_head(TokenClassifier.from_checkpoint(tiny_checkpoint, labels=labels, transitions=transitions))
    model.save(tmp_path / "model")
    folder = as_hugging_face(tmp_path / "model") if is_hugging_face else tmp_path / "model"
    read = TokenClassifier.from_checkpoint(folder, labels=labels[::-1])
    assert read.task.logit_names == ("O", "B-place", "I-place", "B-person", "I-person")
    assert read.load_report.missing == ()
    order = [model.task.logit_names.index(name) for name in read.task.logit_names]
    features = model.task.features({"text": TEXTS})
    wanted, found = model(features), read(features)
    if transitions:
        matrix = np.asarray(wanted["transitions"])
        assert len(np.unique(matrix)) == 25
        np.testing.assert_allclose(found["transitions"], matrix[order][:, order], atol=1e-4)
        wanted, found = wanted["logits"], found["logits"]
    np.testing.assert_allclose(found, np.asarray(wanted)[..., order], atol=1e-5)
    other = TokenClassifier.from_checkpoint(folder, labels=["place", "thing"])
    assert {name.split("/")[0] for name in other.load_report.missing} == set(other.task.checkpoint_heads)


def test_relations(tiny_checkpoint, tmp_path):
    labels = ["Other", "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)"]
    model = with_head(RelationExtractor.from_checkpoint(tiny_checkpoint, labels=labels))
    model.save(tmp_path / "model")
    texts = ["<e1>my</e1> parcel is <e2>late</e2>", "the <e2>red</e2> <e1>lamp</e1>"]
    read = RelationExtractor.from_checkpoint(tmp_path / "model", labels=labels[::-1])
    wanted, found = model.predict(texts, verbose=0), read.predict(texts, verbose=0)
    assert [row["label"] for row in found] == [row["label"] for row in wanted]
    assert [row["score"] for row in found] == pytest.approx([row["score"] for row in wanted], abs=1e-6)


def test_a_head_of_tokens_is_none_of_texts(tiny_checkpoint, tmp_path):
    with_head(TokenClassifier.from_checkpoint(tiny_checkpoint, labels=["place"])).save(tmp_path / "model")
    model = TextClassifier.from_checkpoint(tmp_path / "model", labels=["O", "B-place", "I-place"])
    assert model.load_report.missing == ("classifier/kernel", "classifier/bias")
    assert "the checkpoint's is for TokenClassification" in model.load_report.notes[0]


@pytest.mark.parametrize("values", [{}, {"problem_type": None}, {"problem_type": "regression"}])
def test_one_logit_is_a_number(tiny_checkpoint, tmp_path, values):
    with_head(TextClassifier.from_checkpoint(tiny_checkpoint, problem="regression")).save(tmp_path / "model")
    folder = as_hugging_face(tmp_path / "model", problem_type=None)
    as_hugging_face(folder, **values)
    model = TextClassifier.from_checkpoint(folder)
    assert (model.task.problem, model.task.labels, model.load_report.missing) == ("regression", (), ())
    logits = np.asarray(model(model.task.features({"text": TEXTS})))[:, 0]
    assert [row["score"] for row in model.predict(TEXTS, verbose=0)] == pytest.approx(logits.tolist(), abs=1e-5)
    model.compile()
    assert "pearson" in model.evaluate(TEXTS, [0.1, 0.9, 0.4], return_dict=True, verbose=0)
    several = TextClassifier.from_checkpoint(as_hugging_face(folder, problem_type="multi_label_classification"))
    assert (several.task.problem, several.task.labels) == ("multi_label", ("LABEL_0",))
