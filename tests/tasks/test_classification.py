"""The five parts of the classification task."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

from tfbert import Tokenizer
from tfbert.data import Table
from tfbert.errors import ConfigError, DataError
from tfbert.tasks.classification.loss import ClassificationLoss
from tfbert.tasks.classification.metrics import best_thresholds, metrics
from tfbert.tasks.classification.task import Classification
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film"]))


def table(**columns):
    return Table.from_columns(columns, source="train.tsv")


def task(**settings):
    return Classification(TOKENIZER, **{"labels": ("negative", "positive"), **settings})


# 1 example


def test_labels_by_name_and_by_number():
    rows = table(text=["good", "bad", "good"], label=["positive", "0", 1])
    assert task().examples(rows)["label"].tolist() == [1, 0, 1]


def test_numbers_of_labels_as_floats():
    """As pandas holds whole numbers where a column has had a gap."""
    for cells in (np.array([1.0, 0.0]), ["1.0", "0.0"]):
        assert task().examples(table(text=["a", "b"], label=cells))["label"].tolist() == [1, 0]
    with pytest.raises(DataError, match="unknown label '0.5'"):
        task().examples(table(text=["a", "b"], label=[1.0, 0.5]), training=True)


def test_a_number_that_is_a_name_is_that_name():
    rows = table(text=["a", "b"], label=["2", "1"])
    assert task(labels=("2", "1")).examples(rows)["label"].tolist() == [0, 1]


def test_several_labels():
    rows = table(text=["a", "b", "c"], label=["joy,anger", "", ["joy"]])
    labels = task(problem="multi_label", labels=("anger", "joy")).examples(rows)["label"]
    assert labels.tolist() == [[1, 1], [0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("labels", "cells", "wanted"),
    [
        ("abc", np.eye(3), np.eye(3)),
        ("abc", [[1, 0, 0], (0.0, 0.0, 1.0), np.array([False, True, True])], [[1, 0, 0], [0, 0, 1], [0, 1, 1]]),
        ("ab", [[0, 1], [1, 0]], [[0, 1], [1, 0]]),
        ("ab", [[0, 1], [1]], [[1, 1], [0, 1]]),  # not of one length: numbers of labels
        ("ab", [["0", "1"], ["1", "0"]], [[1, 1], [1, 1]]),
        ("a", [[0], [1]], [[0], [1]]),
    ],
)
def test_a_matrix_of_0_and_1_is_told_from_numbers_by_the_whole_column(labels, cells, wanted):
    rows = table(text=["x"] * len(cells), label=cells)
    read = task(problem="multi_label", labels=tuple(labels)).examples(rows)["label"]
    np.testing.assert_array_equal(read, wanted)


def test_a_matrix_of_0_and_1_names_as_many_labels_as_it_has_columns():
    for cells, wanted in [(np.eye(3, dtype=int), ("0", "1", "2")), ([[0], [4]], ("0", "4"))]:
        rows = table(text=["x"] * len(cells), label=cells)
        assert Classification.settings_for(rows, problem="multi_label")["labels"] == wanted


def test_settings_from_a_table():
    settings = Classification.settings_for(table(sentence1=["a"] * 3, sentence2=["b"] * 3, label=["10", "9", "10"]))
    assert (settings["labels"], settings["pairs"]) == (("9", "10"), True)
    settings = Classification.settings_for(
        table(text=["a", "b"], label=["x", "y|x"]), problem="multi_label", label_separator="|"
    )
    assert settings["labels"] == ("x", "y")
    assert Classification.settings_for(table(text=["a"], label=["0.5"]), problem="regression")["labels"] == ()


@pytest.mark.parametrize("cell", [["x"], {"x": 1}, float("inf"), "['x']"])
def test_what_is_no_label_becomes_none(cell):
    with pytest.raises(DataError, match="train.tsv, row 1: a label is a text or a number, not"):
        Classification.settings_for(table(text=["a"] * 3, label=["x", cell, "y"]))


def test_pairs_of_a_question_and_a_sentence():
    columns = {"question": ["q"] * 2, "sentence": ["s"] * 2, "label": ["0", "1"]}
    assert Classification.settings_for(table(**columns))["pairs"]
    examples = task(pairs=True).examples(table(**columns))
    assert (examples["text"], examples["text_pair"]) == (["q"] * 2, ["s"] * 2)
    assert task().examples(table(**columns))["text"] == ["s"] * 2  # a model of single texts
    for others, own in [({"text": ["t"] * 2}, {}), ({}, {"text": "sentence"})]:
        assert not Classification.settings_for(table(**columns, **others), columns=own)["pairs"]


def test_balanced_class_weights_are_scikit_learns():
    labels = ["a"] * 6 + ["b"] * 2 + ["c"]
    settings = Classification.settings_for(table(text=["x"] * 9, label=labels), class_weights="balanced")
    wanted = sklearn.utils.class_weight.compute_class_weight("balanced", classes=np.array(list("abc")), y=labels)
    np.testing.assert_allclose(settings["class_weights"], wanted)


@pytest.mark.parametrize(
    ("settings", "columns", "message"),
    [
        ({}, {"text": ["a", "b"], "label": ["positive", "postive"]}, r"train.tsv, row 1: unknown label 'postive'.*did you mean 'positive'"),
        ({}, {"text": ["a"], "label": ["2"]}, "unknown label '2'"),
        ({}, {"text": ["a", "b"], "label": ["positive"] * 2}, "'positive' in every row"),
        ({}, {"text": [], "label": []}, "has no rows"),
        ({}, {"texts": ["a"], "label": ["0"]}, "no column 'text'.*'texts'"),
        ({}, {"text": ["a"]}, "no column 'label'"),
        ({}, {"text": ["a", 3], "label": ["0", "1"]}, "row 1: column 'text' holds"),
        ({"pairs": True}, {"text": ["a", "b"], "label": ["0", "1"]}, "no column 'text_pair'"),
        ({"problem": "regression", "labels": ()}, {"text": ["a", "b"], "label": ["1.5", "much"]}, "row 1: 'much' is not a number"),
        ({"problem": "regression", "labels": ()}, {"text": ["a", "b"], "label": ["1.5", "nan"]}, "not a finite number"),
        ({"problem": "multi_label"}, {"text": ["a", "b"], "label": ["0,1", {"x": 1}]}, "row 1: labels must be a list"),
        ({"problem": "multi_label"}, {"text": ["a", "b"], "label": [[1, 0], [1, 0, 0]]}, "row 1: labels .* have 0 more than once; of a 0/1 matrix"),
        ({"problem": "multi_label"}, {"text": ["a", "b"], "label": [[1], [None]]}, "row 1: a label is a text or a number, not None"),
        ({}, {"text": ["a", "b"], "label": ["0", ["1"]]}, "row 1: .*not .'1'.*problem=multi_label"),
    ],
)  # fmt: skip
def test_a_bad_table(settings, columns, message):
    with pytest.raises(DataError, match=message):
        task(**settings).examples(table(**columns), training=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"problem": "binary"}, "problem 'binary'"),
        (
            {"labels": ("a",)},
            r"single_label needs at least two labels, not \['a'\]; name the labels: labels=.*settings.labels=",
        ),
        ({"labels": (), "problem": "multi_label"}, "multi_label needs at least one label"),
        ({"labels": ("a", "a")}, "occurs twice"),
        ({"problem": "regression"}, "neither labels"),
        ({"class_weights": (1.0,)}, "1 class_weights for 2 labels"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        task(**settings)


# 2 features


def test_features_of_pairs_are_cut_to_the_length():
    features = task(pairs=True, max_length=6).features({"text": ["good good good"], "text_pair": ["bad film"]})
    assert features["token_ids"].numpy().tolist() == [[2, 4, 4, 3, 5, 3]]
    assert features["segment_ids"].numpy().tolist() == [[0, 0, 0, 0, 1, 1]]


# 4 loss and metrics


def test_losses_are_those_of_the_field():
    random = np.random.default_rng(0)
    logits = random.normal(size=(5, 3)).astype("float32")
    single, multi = np.array([0, 2, 1, 1, 0]), random.integers(0, 2, (5, 3)).astype("float32")
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    np.testing.assert_allclose(ClassificationLoss()(single, logits), -log_probs[range(5), single].mean(), rtol=1e-5)
    weights = np.array([1.0, 2.0, 0.5])
    weighted = -(log_probs[range(5), single] * weights[single]).mean()
    np.testing.assert_allclose(ClassificationLoss("single_label", weights)(single, logits), weighted, rtol=1e-5)
    probs = 1 / (1 + np.exp(-logits))
    cross = -(weights * multi * np.log(probs) + (1 - multi) * np.log(1 - probs)).mean()
    np.testing.assert_allclose(ClassificationLoss("multi_label", weights)(multi, logits), cross, rtol=1e-5)
    squares = ((logits[:, 0] - single) ** 2).mean()
    np.testing.assert_allclose(ClassificationLoss("regression")(single, logits[:, :1]), squares, rtol=1e-5)


def test_metrics_by_hand():
    logits = np.array([[2.0, 0], [0, 2], [0, 2], [2, 0]])
    values = metrics("single_label", [0, 1, 0, 0], logits)
    assert values["accuracy"] == 0.75
    assert values["f1"] == pytest.approx(2 / 3)  # precision 1/2, recall 1
    assert values["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)  # of label 0: precision 1, recall 2/3
    assert values["matthews"] == pytest.approx((1 * 2 - 1 * 0) / np.sqrt(2 * 1 * 3 * 2))  # TP 1, TN 2, FP 1, FN 0
    values = metrics("regression", np.array([1.0, 2, 3, 4]), np.array([[1.0], [4], [9], [16]]))
    assert values["spearman"] == pytest.approx(1.0)
    assert values["pearson"] == pytest.approx(np.corrcoef([1, 2, 3, 4], [1, 4, 9, 16])[0, 1])
    values = metrics("multi_label", np.array([[1, 0], [1, 1]]), np.array([[1.0, -1], [1, -1]]))
    assert (values["micro_f1"], values["exact_match"]) == (pytest.approx(0.8), 0.5)


def test_labels_that_occur_nowhere_do_not_count():
    """As scikit-learn's default."""
    assert metrics("single_label", [0, 1, 0], 9 * np.eye(3)[[0, 1, 0]])["macro_f1"] == 1.0
    assert metrics("single_label", [0, 1, 0], 9 * np.eye(3)[[0, 1, 2]])["macro_f1"] == pytest.approx((2 / 3 + 1) / 3)


def test_metrics_of_several_labels_that_are_one():
    values = metrics("multi_label", np.array([[1], [0], [1], [0]]), np.array([[5.0], [-5], [-5], [-5]]))
    assert values == pytest.approx({"macro_f1": 2 / 3, "micro_f1": 2 / 3, "exact_match": 0.75})


def test_metrics_of_one_class_are_defined():
    values = metrics("single_label", [0, 0], np.array([[1.0, 0], [1, 0]]))
    assert values["accuracy"] == 1.0
    assert np.isnan(metrics("regression", np.array([1.0, 1]), np.array([[1.0], [2]]))["pearson"])


def test_thresholds_are_the_best_there_are():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, (200, 3))
    truth[:, 2] = 0
    logits = 2 * truth - 1 + random.normal(size=truth.shape) * 2 - 1.5
    chosen = best_thresholds(truth, logits)
    assert chosen[2] == 0.5
    probabilities = 1 / (1 + np.exp(-logits))
    for label in range(2):
        f1 = [sklearn.metrics.f1_score(truth[:, label], probabilities[:, label] >= t) for t in probabilities[:, label]]
        own = sklearn.metrics.f1_score(truth[:, label], probabilities[:, label] >= chosen[label])
        assert own == pytest.approx(max(f1))


# 5 answer


def test_answer_of_one_label():
    answer = task().answer(None, None, tf.constant([[1.0, 3.0]]))
    assert answer["label"].numpy().tolist() == [b"positive"]
    assert task().readable({name: value.numpy() for name, value in answer.items()})[0]["score"] == pytest.approx(
        0.8808, abs=1e-4
    )


def test_answer_of_several_labels_is_sorted_and_thresholded():
    several = task(problem="multi_label", labels=("a", "b", "c"), thresholds=(0.9, 0.5, 0.1))
    answer = several.answer(None, None, tf.constant([[1.0, 3.0, -1.0], [-9.0, -9.0, -9.0]]))
    assert answer["label"].numpy().tolist() == [[b"b", b"c", b""], [b"", b"", b""]]
    rows = several.readable({name: value.numpy() for name, value in answer.items()})
    assert [row["labels"] for row in rows] == [["b", "c"], []]


def test_answer_of_a_number():
    assert task(problem="regression", labels=()).answer(None, None, tf.constant([[2.5]]))["score"].numpy() == [2.5]
