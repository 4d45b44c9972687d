"""Label cells as published files, pandas and the hub write them; rows without a label; labels that nobody trained."""

import io
import logging

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert import Tokenizer
from tfbert.data import Table, read
from tfbert.data.bad_rows import BadRows, usable
from tfbert.errors import ConfigError, DataError, RowError
from tfbert.tasks.classification.loss import ClassificationLoss
from tfbert.tasks.classification.metrics import metrics
from tfbert.tasks.classification.task import Classification
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film"]))


def rows(labels, **columns):
    return Table.from_columns({"text": ["a film"] * len(labels), "label": labels, **columns}, source="train.csv")


def task(*labels, **settings):
    return Classification(TOKENIZER, labels=labels, **settings)


def found(cells, **settings):
    return Classification.settings_for(rows(cells), **settings)["labels"]


def numbers(some, labels, **reading):
    return some.examples(rows(labels), **reading)["label"].tolist()


# numbers


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ([f"{i}.0" for i in range(12)], tuple(map(str, range(12)))),
        ([0.0, 11.0, 2.0, float("nan")], ("0", "2", "11")),
        ([1, 1.0, "1", "1.0", np.float32(1), np.int64(0)], ("0", "1")),
        (["10", "9", "-2", "-1"], ("-2", "-1", "9", "10")),
        (["0.5", "10.5", "2.0"], ("0.5", "2.0", "10.5")),
        ([10.5, 9, 0.5], ("0.5", "9", "10.5")),
        (["01", "2", "10"], ("01", "2", "10")),  # a code
        (["1", 1, "high"], ("1", "high")),
        (["1.0", "1.1", "high"], ("1.0", "1.1", "high")),
        ([True, False], ("False", "True")),
    ],
)
def test_numbers_are_numbers(cells, labels):
    assert found(cells) == labels
    assert sorted(set(numbers(task(*labels), cells))) == list(range(len(labels)))


def test_train_and_dev_agree_whatever_they_write():
    train = pd.read_csv(io.StringIO("text,label\n" + "".join(f"a,{i}\n" for i in range(12)) + "a,\n"))
    assert train["label"].dtype == float
    of_train = Classification.settings_for(Table.from_columns(train.to_dict("list")))["labels"]
    for dev in (list(range(12)), [str(i) for i in range(12)], [f"{i}.0" for i in range(12)], np.arange(12.0)):
        assert numbers(task(*of_train), dev) == list(range(12))
    assert numbers(task(*(f"{i}.0" for i in range(12))), list(range(12))) == list(range(12))
    assert numbers(task("1", "0"), [True, "false", "TRUE"]) == [0, 1, 0]
    assert numbers(task("False", "True"), ["true", 0, False]) == [1, 0, 0]


@pytest.mark.parametrize("cells", [["250", "250.0", "250.1"], ["true", "True", "no"], [True, 1, 0]])
def test_one_number_in_two_names_is_refused(cells):
    with pytest.raises(
        DataError, match=r"train.csv: .*name the labels: labels=\[...\] in Python, --config.settings.la"
    ):
        found(cells)


def test_labels_may_be_given_as_numbers():
    assert found([1, 0], labels=[1, 0]) == ("1", "0")
    assert task(0, 1).labels == ("0", "1")
    assert Classification.from_settings({"labels": [2, 1.0]}, TOKENIZER).labels == ("2", "1")
    assert numbers(Classification.from_settings({"labels": np.arange(2)}, TOKENIZER), [1, "0"]) == [1, 0]
    with pytest.raises(ConfigError, match="labels of task classification must be"):
        Classification.from_settings({"labels": [["a"], "b"]}, TOKENIZER)


@pytest.mark.parametrize("training", [True, False])
def test_numbers_of_labels_by_name_count_from_0(training):
    with pytest.raises(DataError, match="row 2: unknown label '2'.*counts from 0; name the labels"):
        numbers(task("no", "yes"), [1, 1, 2], training=training)


# rows without a label


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["entailment", "-", "neutral"], ("entailment", "neutral")),  # SNLI
        ([0, -1, 1, 2], ("0", "1", "2")),  # SNLI of the hub
        (["0", "-1", "1", "2"], ("0", "1", "2")),
        ([0.0, float("nan"), 1.0], ("0", "1")),
        (["x", None, "y", "", " ", "nan"], ("x", "y")),  # None as TFDS has it
        (["x", -1, "y"], ("x", "y")),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_rows_without_a_label_are_left_out_and_counted(cells, labels, training, caplog):
    assert found(cells) == labels
    assert not caplog.messages
    examples = task(*labels).examples(rows(cells), training=training)
    left = len(cells) - len(examples["label"])
    assert sorted(examples["label"]) == list(range(len(labels))) and len(examples["text"]) == len(labels)
    assert caplog.messages == [f"train.csv: {left} rows have no label and are left out, first at train.csv, row 1"]


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ([-1, 1], ("-1", "1")),
        (["-1", "1", "1.0"], ("-1", "1")),
        ([-2, -1, 0, 1, 2], ("-2", "-1", "0", "1", "2")),
        (["-", "+"], ("+", "-")),
        (["-", "+", "0"], ("+", "-", "0")),
        (["++", "+", "-", "--"], ("+", "++", "-", "--")),
    ],
)
def test_signs_of_no_label_that_are_labels(cells, labels):
    assert found(cells) == labels
    assert len(numbers(task(*labels), cells, training=True)) == len(cells)


@pytest.mark.parametrize(
    "cells", [[-1, 0, 1], [-1, 0], ["-1", "1", "2"], ["-1", "7", "yes"], ["-", "yes"], [-1.0, 1.5]]
)
def test_what_may_be_no_label_or_a_label_is_refused_unless_labels_are_given(cells):
    with pytest.raises(DataError, match=r"train.csv: '-1?' may be a label beside .*--config.settings.labels="):
        found(cells)
    names = [str(cell) for cell in cells]
    assert found(cells, labels=names) == tuple(names)
    assert numbers(task(*names), cells) == list(range(len(cells)))
    given_without = names[1:] if len(names) > 2 else [*names[1:], "other"]
    assert len(numbers(task(*given_without), cells)) == len(cells) - 1


def test_minus_one_as_the_number_of_a_named_label_is_refused_where_the_scale_fits():
    with pytest.raises(DataError, match="the labels -1, 0 and 1 may be the numbers of negative, neutral, positive"):
        numbers(task("negative", "neutral", "positive"), [-1, 0, 1, 1])
    assert numbers(task("entailment", "neutral", "contradiction"), [-1, 0, 1, 2]) == [0, 1, 2]
    assert numbers(task("no", "yes"), [-1, 0, 1]) == [0, 1]


@pytest.mark.parametrize("cells", [[-1] * 3, [None] * 3, ["-"] * 3, [""] * 3, [float("nan")] * 3])
def test_a_file_without_labels_is_no_test(cells):
    for some in (task("0", "1"), task(problem="regression")):
        with pytest.raises(DataError, match="train.csv: no row has a label; texts alone can be predicted"):
            some.examples(rows(cells))
    with pytest.raises(DataError, match="train.csv: no row has a label"):
        found(cells)
    assert task("0", "1").examples(rows(cells), labelled=False) == {"text": ["a film"] * 3}


def test_a_number_of_a_regression_may_be_minus_one(caplog):
    assert numbers(task(problem="regression"), [-1, 0.5, "-1.0", None, [2.0]][:4], training=True) == [-1, 0.5, -1]
    assert caplog.messages == ["train.csv: 1 rows have no label and are left out, first at train.csv, row 3"]
    assert numbers(task(problem="regression"), np.array([[0.5], [2]])) == [0.5, 2]


# several labels


def several(cells, **settings):
    names = found(cells, problem="multi_label", **settings)
    return names, numbers(task(*names, problem="multi_label"), cells)


@pytest.mark.parametrize("writes", [str, repr, lambda cell: str(np.array(cell)), lambda cell: str(tuple(cell))])
def test_lists_as_pandas_writes_them(writes):
    cells = [["x", "y z"], ["it's"], ['"'], ["x"]]
    frame = pd.DataFrame({"label": pd.Series([writes(cell) for cell in cells])})
    again = pd.read_csv(io.StringIO(frame.to_csv()))["label"].tolist()
    names, labels = several(again)
    assert names == ('"', "it's", "x", "y z")
    assert labels == [[0, 0, 1, 1], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize(
    ("cells", "names", "labels"),
    [
        (['["x", "y"]', "[]", '["y"]'], ("x", "y"), [[1, 1], [0, 0], [0, 1]]),
        (["[2, 5]", "[5]", ""], ("2", "5"), [[1, 1], [0, 1], [0, 0]]),
        (["[1 0 1]", "[0 1 0]"], ("0", "1", "2"), [[1, 0, 1], [0, 1, 0]]),
        (["[0., 1.]", "[1., 0.]"], ("0", "1"), [[0, 1], [1, 0]]),
        (["[0, 1]", "[-1, -1]", None, "[1, 1]"], ("0", "1"), [[0, 1], [1, 1]]),
        ([3.0, "2,3", [2.0]], ("2", "3"), [[0, 1], [1, 1], [1, 0]]),
        (["x", None, float("nan"), "-", "y"], ("x", "y"), [[1, 0], [0, 1]]),
        (["(a)", "b,(a)"], ("(a)", "b"), [[1, 0], [1, 1]]),
    ],
)
def test_forms_of_several_labels(cells, names, labels):
    assert several(cells) == (names, labels)


def test_what_looks_like_a_list_and_is_none_is_refused():
    for cell in ("[x, y]", "['a' ... 'b']", "['x'", "[x]"):
        if cell.endswith("]"):
            with pytest.raises(RowError, match="row 0: labels must be a list or a text"):
                found([cell, "y"], problem="multi_label")
    assert numbers(task("[noise]", "b", problem="multi_label"), ["[noise]", "b,[noise]"]) == [[1, 0], [1, 1]]
    with pytest.raises(RowError, match="row 0: the label is empty"):
        found([["x", ""], ["y"]], problem="multi_label")


@pytest.mark.parametrize("separator", ["|", ";", "\t"])
def test_labels_between_another_separator_are_refused(separator):
    cells = [f"x{separator} y", "x", "z"]
    with pytest.raises(DataError, match=r"labels 'x.*y' have no ',' in them.*--config.settings.label_separator="):
        found(cells, problem="multi_label")
    assert found(cells, problem="multi_label", label_separator=separator) == ("x", "y", "z")
    assert found(["rock; pop", "x", "rock; pop"], problem="multi_label") == ("rock; pop", "x")  # a name


TOXIC = """id,comment_text,toxic,obscene,threat
a1,you are kind,0,0,0
b2,you are bad,1,1,0
c3,i come for you,1,0,1
"""


def test_a_column_of_0_and_1_for_each_label(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="absl")
    path = tmp_path / "train.csv"
    path.write_text(TOXIC)
    text = {"text": "comment_text"}
    settings = Classification.settings_for(read(path), problem="multi_label", columns=text)
    assert settings["labels"] == ("toxic", "obscene", "threat")
    assert caplog.messages == [f"{path}: the labels are the columns of 0 and 1: 'toxic', 'obscene', 'threat'"]
    some = Classification(TOKENIZER, **settings)
    assert some.examples(read(path))["label"].tolist() == [[0, 0, 0], [1, 1, 0], [1, 0, 1]]
    with pytest.raises(DataError, match="no column 'label'; 'toxic', 'obscene', 'threat' hold 0 and 1.*multi_label"):
        Classification.settings_for(read(path), columns=text)
    named = {**text, "label": ["threat", "toxic"]}
    settings = Classification.settings_for(read(path), problem="multi_label", columns=named)
    assert settings["labels"] == ("threat", "toxic")
    assert Classification(TOKENIZER, **settings).examples(read(path))["label"].tolist() == [[0, 0], [0, 1], [1, 1]]
    path.write_text(TOXIC + "d4,unscored,-1,-1,-1\n")  # as in Jigsaw's test set
    assert some.examples(read(path))["label"].shape == (3, 3)
    assert caplog.messages[-1] == f"{path}: 1 rows have no label and are left out, first at {path}, line 5"
    path.write_text(TOXIC + "d4,unscored,-1,0,1\n")
    with pytest.raises(RowError, match="line 5: column 'toxic' of a label holds '-1'; it is 0 or 1"):
        some.examples(read(path))
    path.write_text(TOXIC.replace("threat", "insult"))
    with pytest.raises(DataError, match="no column 'threat'"):
        some.examples(read(path))


def test_a_column_for_each_of_labels_that_exclude_each_other(tmp_path):
    (tmp_path / "train.csv").write_text("text,good,bad\na,1,0\nb,0,1\nc,1.0,False\n")
    for named in (["bad", "good"], "bad,good"):
        settings = Classification.settings_for(read(tmp_path / "train.csv"), columns={"label": named})
        assert settings["labels"] == ("bad", "good")
        assert Classification(TOKENIZER, **settings).examples(read(tmp_path / "train.csv"))["label"].tolist() == [
            1,
            0,
            1,
        ]


def test_records_without_values_have_no_labels():
    """A TFRecord has one form for null and an empty list, and one for a value and a list of one."""
    columns = {"text": ["a"] * 4, "label": ["x", None, ["x", "y"], "x,y"]}
    some = Table(columns, source="a.tfrecord", has_lists_of_one=True)
    assert task("x", "y", problem="multi_label").examples(some)["label"].tolist() == [[1, 0], [0, 0], [1, 1], [1, 1]]


# labels as Keras has them


def test_rows_with_one_1_and_lists_of_one(caplog):
    some = task("no", "yes", "maybe")
    for cells in (np.eye(3)[[2, 0]], np.eye(3, dtype=int)[[2, 0]].tolist(), np.array([[2], [0]]), [["maybe"], ["no"]]):
        assert numbers(some, cells) == [2, 0]
    for cells in ([[1, 1, 0], [1, 0, 0]], [[0.2, 0.8, 0.0], [1, 0, 0]]):
        with pytest.raises(RowError, match="row 0: a label is a text or a number.*problem=multi_label"):
            numbers(some, cells)


def test_the_loss_refuses_labels_of_another_shape():
    logits = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"shape \(2, 3\): problem=single_label .*tf.argmax"):
        ClassificationLoss("single_label")(np.eye(3)[[0, 1]], logits)
    with pytest.raises(ValueError, match=r"shape \(2,\): problem=multi_label takes 0 or 1 for each of the 3 labels"):
        ClassificationLoss("multi_label")(np.array([0, 1]), logits)
    assert float(ClassificationLoss()(np.array([[0], [2]]), logits)) == pytest.approx(np.log(3))


def test_balanced_weights_wait_for_the_training_data():
    some = task("a", "b", class_weights="balanced")
    assert Classification.from_settings(some.settings(), TOKENIZER).class_weights == "balanced"
    with pytest.raises(ConfigError, match="class_weights='balanced' become numbers when fit reads labels"):
        some.loss()(np.array([0]), np.zeros((1, 2), np.float32))
    loss = some.loss()
    assert some.trained_on({"label": np.array([0, 0, 0, 1])}, loss).class_weights == pytest.approx((2 / 3, 2))
    assert loss.class_weights == pytest.approx((2 / 3, 2))
    with pytest.raises(ConfigError, match="class_weights is 'equal'; it is 'balanced', or a number for each label"):
        task("a", "b", class_weights="equal")


# labels that the model does not know


def test_an_unknown_label_is_scored_as_wrong_and_said(caplog):
    some, cells = task("bad", "good"), ["good", "god", "bad", "fine", "good"]
    with pytest.raises(RowError, match="row 1: unknown label 'god'.*did you mean 'good'.*--config.settings.labels="):
        some.examples(rows(cells), training=True)
    examples = some.examples(rows(cells))
    assert examples["label"].tolist() == [1, -1, 0, -1, 1]
    assert caplog.messages == [
        "train.csv: 2 rows have a label that the model does not know, such as 'god' (for 'good'?), and count as wrong "
        "answers, first at train.csv, row 1"
    ]
    logits = 9 * np.eye(2)[[1, 1, 0, 0, 1]]
    values = some.metrics(examples, {"logits": logits})
    names = ["good", "other", "bad", "other", "good"], ["good", "good", "bad", "bad", "good"]
    assert values["accuracy"] == 0.6
    assert values["macro_f1"] == pytest.approx(sklearn.metrics.f1_score(*names, average="macro", zero_division=0))
    assert values["matthews"] == pytest.approx(sklearn.metrics.matthews_corrcoef(*names))
    assert values["f1"] == pytest.approx(2 * 2 / (2 + 3))
    answers = {"logits": logits, "probabilities": logits}
    drawn = some.evaluation(examples, answers, token_lengths=np.ones(5, int), data="train.csv")
    assert drawn.truth.tolist() == [1, -1, 0, -1, 1]


def test_a_file_of_unknown_labels_alone_is_refused():
    with pytest.raises(DataError, match="row 0: unknown label 'x'.*no label of the file is known"):
        numbers(task("bad", "good"), ["x", "y"])


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_an_unknown_label_adds_nothing_to_the_loss(dtype):
    logits = np.array([[1, 3], [60000, -60000], [2, 0]], dtype)
    loss = ClassificationLoss("single_label", (1.0, 2.0), reduction=None)
    with_unknown = loss(np.array([1, -1, 0]), logits).numpy()
    np.testing.assert_array_equal(with_unknown[[0, 2]], loss(np.array([1, 0]), logits[[0, 2]]).numpy())
    assert with_unknown[1] == 0


def test_an_unknown_label_among_several_is_missed(caplog):
    some = task("a", "b", problem="multi_label")
    examples = some.examples(rows(["a,z,y", "b", ["a"], "q"]))
    assert examples["label"].tolist() == [[1, 0], [0, 1], [1, 0], [0, 0]]
    assert examples["unknown_labels"].tolist() == [2, 0, 0, 1]
    assert "2 rows have a label that the model does not know, such as 'z'" in caplog.text
    logits = np.array([[9, -9], [-9, 9], [9, 9], [-9, -9]])
    values = some.metrics(examples, {"logits": logits})
    assert values["micro_f1"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 3))  # three right, one too many, three missed
    assert values["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert values["exact_match"] == 0.25
    assert metrics("multi_label", examples["label"], logits)["exact_match"] == 0.75
    with pytest.raises(RowError, match="row 0: unknown label 'z'"):
        some.examples(rows(["a,z", "b"]), training=True)


def test_several_unknown_labels_of_a_file_are_refused():
    with pytest.raises(DataError, match="unknown label 'x'.*no label of the file is known"):
        numbers(task("a", "b", problem="multi_label"), ["x", "y,z"])


# rows in, rows out

CELLS = st.sampled_from(["x", "y", "z", 1, -1, None, "", "-", float("nan"), ["x"], {"x": 1}, "0", "nan", 2.5, True])


@settings(deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=40), st.booleans(), st.sampled_from(["single_label", "multi_label"]))
def test_rows_in_are_rows_out_and_rows_counted(cells, training, problem):
    table = Table(
        {"text": [str(i) for i in range(len(cells))], "label": cells}, source="made up", bad_rows=BadRows("skip")
    )
    some, notes = task("x", "y", "z", problem=problem), []
    Table.note, note = lambda table, what, rows: table._quiet or notes.append((what, len(rows))), Table.note
    try:
        examples, used = usable(table, lambda part: some.examples(part, training=training))
    except DataError as error:
        assert any(
            text in str(error)
            for text in ("no row has", "in every row", "none of its", "no label of", "from 0", "may be")
        )
        return
    finally:
        Table.note = note
    left_out = dict(notes).get("rows have no label and are left out", 0)  # of the last reading
    assert len(examples["text"]) == len(examples["label"]) == len(used) - left_out
    assert len(used) + len(table.bad_rows) == len(cells)
    for text, label in zip(examples["text"], examples["label"], strict=True):
        cell = cells[int(text)]
        if cell in ("x", "y", "z"):
            number = "xyz".index(cell)
            assert label == number if problem == "single_label" else label.tolist() == np.eye(3)[number].tolist()
        elif problem == "single_label":
            assert label == -1 or cell in (1, True, "0", ["x"])
