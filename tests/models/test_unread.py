"""What `fit`, `evaluate` and `predict` refuse or count, so that nothing of the data is left unread in silence."""

import numpy as np
import pandas
import pytest
import tensorflow as tf

from tfbert import TextClassifier, Tokenizer
from tfbert.data import Table, read
from tfbert.errors import ConfigError, DataError, RowError
from tfbert.models.inputs import check_read, featurized, labelled_batches, to_table
from tfbert.models.weights import class_weights
from tfbert.tasks.classification.task import Classification
from tfbert.tasks.multiple_choice.task import MultipleChoiceTask
from tfbert.tasks.question_answering.task import QuestionAnswering
from tfbert.tasks.relation_extraction.task import RelationExtraction
from tfbert.tasks.sentence_embedding.task import SentenceEmbedding
from tfbert.tasks.token_classification.task import TokenClassification
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdef"]))
TEXTS = Classification(TOKENIZER, labels=("x", "y"))
PAIRS = {"text": ["a", "b"], "text_pair": ["b", "a"]}


@pytest.mark.parametrize(
    "x",
    [
        PAIRS,
        (["a", "b"], ["b", "a"]),
        pandas.DataFrame(PAIRS),
        [{"text": "a", "text_pair": "b"}, {"text": "b", "text_pair": "a"}],
        {"sentence1": ["a", "b"], "sentence2": ["b", "a"]},
        {"question": ["a", "b"], "sentence": ["b", "a"]},
    ],
)
def test_a_second_text_is_read_or_refused(x):
    with pytest.raises(DataError, match="does not read column.*make the model with pairs=True, or leave it out"):
        check_read(to_table(x, None, TEXTS), TEXTS)
    pairs = Classification(TOKENIZER, labels=("x", "y"), pairs=True)
    table = to_table(x, None, pairs)
    check_read(table, pairs)
    assert list(pairs.examples(table, labelled=False)) == ["text", "text_pair"]


def test_fit_evaluate_and_predict_refuse_a_second_text(model, tmp_path):
    names = ["order_status", "refund"]
    (tmp_path / "pairs.tsv").write_text("text\ttext_pair\tlabel\na\tb\trefund\nb\ta\torder_status\n")
    for call in (model.fit, model.evaluate):
        with pytest.raises(DataError, match="'text_pair': make the model with pairs=True"):
            call(PAIRS, names)
        with pytest.raises(DataError, match="pairs.tsv: this model does not read column 'text_pair'"):
            call(read(tmp_path / "pairs.tsv"))
    with pytest.raises(DataError, match="'text_pair': make the model with pairs=True"):
        model.predict(PAIRS)
    assert len(model.predict({"text": ["a"], "id": [3]})) == 1


def test_a_data_set_of_pairs_is_refused():
    with pytest.raises(DataError, match="the data set: this model does not read column 'text_pair'"):
        featurized(tf.data.Dataset.from_tensor_slices(PAIRS).batch(2), TEXTS)


@pytest.mark.parametrize(
    ("task", "columns", "message"),
    [
        (
            SentenceEmbedding(TOKENIZER, objective="in_batch_negatives"),
            {**PAIRS, "score": [0.0, 1.0]},
            "column 'score': the objective \"in_batch_negatives\" learns from no scores",
        ),
        (
            QuestionAnswering(TOKENIZER),
            {"question": ["a"], "context": ["b c b"], "answers": ["b"], "answer_start": [4]},
            "column 'answer_start': give it within the answers",
        ),
    ],
)
def test_what_nothing_is_learned_from_is_refused(task, columns, message):
    with pytest.raises(DataError, match=message):
        labelled_batches(Table.from_columns(columns), None, task, training=True)


def test_labels_are_given_once():
    with pytest.raises(ValueError, match="x has a column 'label' of its own, and y has other values"):
        to_table({"text": ["a", "b"], "label": ["x", "y"]}, ["y", "x"], TEXTS)
    assert to_table({"text": ["a"], "label": ["x"]}, ["x"], TEXTS).columns == {"text": ["a"], "label": ["x"]}


@pytest.mark.parametrize("weights", [{"y": 2.0}, {1: 2.0}, {np.int64(1): np.float32(2)}, {"1": 2, "x": 1}])
def test_class_weight_takes_names_and_numbers(weights):
    batches = labelled_batches(
        ["a", "b", "c"], ["x", "y", "y"], TEXTS, class_weight=class_weights(weights, TEXTS), shuffle=False
    )
    features = next(iter(batches.once()))[1]
    assert features["sample_weight"].numpy().tolist() == [1.0, 2.0, 2.0]


def test_numbers_that_are_names_are_names():
    task = Classification(TOKENIZER, labels=("1", "2", "3"))
    assert class_weights({1: 5.0}, task) == class_weights({"1": 5.0}, task) == {0: 5.0}


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Classification(TOKENIZER, labels=("x", "y"), problem="multi_label"), "setting class_weights.*sample_weight"),
        (Classification(TOKENIZER, problem="regression"), "sample_weight"),
        (TokenClassification(TOKENIZER, labels=("x",)), "token_classification.*class_weights and sample_weight"),
        (QuestionAnswering(TOKENIZER), "question_answering.*class_weights and sample_weight"),
        (MultipleChoiceTask(TOKENIZER), "multiple_choice.*class_weights and sample_weight"),
        (SentenceEmbedding(TOKENIZER), "sentence_embedding.*class_weights and sample_weight"),
    ],
)
def test_class_weight_is_for_one_label_a_row(task, message):
    with pytest.raises(TypeError, match=message):
        class_weights({0: 2.0}, task)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"positiv": 2.0}, "unknown label 'positiv'; did you mean 'positive'"),
        ({2: 1.0}, "unknown label 2; the labels are negative, positive"),
        ({"positive": "2"}, "is '2', not a number from 0 on"),
        ({"positive": float("nan")}, "not a number from 0 on"),
        ({"positive": 1.0, 1: 2.0}, "names the label 'positive' twice"),
    ],
)
def test_class_weight_that_fits_no_label(weights, message):
    with pytest.raises(ConfigError, match=message):
        class_weights(weights, Classification(TOKENIZER, labels=("negative", "positive")))


def test_class_weight_of_relations():
    task = RelationExtraction(TOKENIZER, labels=("x", "y"), markers=("a", "b", "c", "d"), max_length=16)
    rows = {"text": ["<e1>a</e1> <e2>b</e2>", "<e2>a</e2> <e1>b</e1>"], "label": ["x", "y"]}
    batches = labelled_batches(rows, None, task, class_weight=class_weights({"x": 3.0}, task), shuffle=False)
    assert next(iter(batches.once()))[1]["sample_weight"].numpy().tolist() == [3.0, 1.0]


def test_class_weight_reaches_the_loss(tiny_checkpoint):
    several = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"], problem="multi_label")
    several.compile()
    with pytest.raises(TypeError, match="class_weights"):
        several.fit(["a", "b"], [["a"], ["b"]], class_weight={0: 2.0})


FAULTY = {"text": ["a", None, "b", "c", "d"], "label": ["x", "y", "y", "x", "y"]}


def test_bad_rows_are_left_out_with_their_weights(caplog):
    table = Table.from_columns(FAULTY, source="made up")
    with pytest.raises(RowError, match="made up, row 1: column 'text' holds null"):
        labelled_batches(table, None, TEXTS)
    batches = labelled_batches(
        table, None, TEXTS, bad_rows="skip", sample_weight=[1, 2, 3, 4, 5], class_weight={1: 2.0}, shuffle=False
    )
    example, features, target = next(iter(batches.once()))
    assert example["text"].numpy().tolist() == [b"a", b"b", b"c", b"d"] and target.numpy().tolist() == [0, 1, 0, 1]
    assert features["sample_weight"].numpy().tolist() == [1.0, 6.0, 4.0, 10.0]
    assert batches.skipped_rows == 1 and len(table.bad_rows) == 0
    assert caplog.messages == [
        "1 of 5 rows are left out:\n  1 with no text, first made up, row 1: column 'text' holds null, not a text"
    ]


def test_evaluate_says_how_many_rows_it_left_out(model, tmp_path, caplog):
    file = tmp_path / "dev.tsv"
    file.write_text("text\tlabel\nwhere is it\torder_status\nno label\nmoney back\trefund\n")
    table = read(file, bad_rows="skip")
    for _ in range(2):
        assert model.evaluate(table, return_dict=True)["skipped_rows"] == 1
    with pytest.raises(ConfigError, match="bad_rows is 'drop'; it is error or skip"):
        model.evaluate(table, bad_rows="drop")
    rows = [{"text": "where is it", "label": "order_status"}, {"text": 3, "label": "refund"}]
    rows = [*rows, {"text": "money back", "label": "refund"}] * 2
    caplog.clear()
    history = model.fit(rows, validation_split=0.5, bad_rows="skip", verbose=0).history
    assert history["val_skipped_rows"] == [1] and len(caplog.messages) == 2
    assert "skipped_rows" not in model.evaluate(rows[::3], return_dict=True)
    with pytest.raises(TypeError, match="bad_rows is for a Table or lists of strings"):
        model.fit(tf.data.Dataset.from_tensors((["a"], [0])), bad_rows="skip")
