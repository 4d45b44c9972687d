"""What `fit`, `evaluate` and `predict` take, as tables."""

import numpy as np
import pandas
import pytest
import tensorflow as tf

from tfbert import Tokenizer
from tfbert.errors import DataError
from tfbert.models.inputs import to_table
from tfbert.tasks.classification.task import Classification
from tfbert.tasks.multiple_choice.task import MultipleChoiceTask
from tfbert.tasks.question_answering.task import QuestionAnswering
from tfbert.tasks.sentence_embedding.task import SentenceEmbedding
from tfbert.tasks.token_classification.task import TokenClassification
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"]))
TEXTS = Classification(TOKENIZER, labels=("x", "y"))
WORDS = TokenClassification(TOKENIZER, labels=("x",), words=True)
QUESTIONS = QuestionAnswering(TOKENIZER)


@pytest.mark.parametrize(
    "texts",
    [["a", "b"], [b"a", b"b"], np.array(["a", "b"]), np.array(["a", "b"], object), tf.constant(["a", "b"])],
)
def test_texts(texts):
    for x in (texts, (texts,), {"text": texts}, [{"text": "a"}, {"text": "b"}]):
        assert to_table(x, None, TEXTS).columns == {"text": ["a", "b"]}
    for y in (["x", "y"], np.array(["x", "y"]), tf.constant(["x", "y"])):
        assert to_table(texts, y, TEXTS).columns == {"text": ["a", "b"], "label": ["x", "y"]}
    assert to_table(texts, tf.constant([0, 1]), TEXTS).columns["label"] == [0, 1]


@pytest.mark.parametrize(
    "words",
    [
        [["a", "b"], ["b", "a"]],
        [("a", "b"), np.array(["b", "a"])],
        (["a", "b"], ["b", "a"]),
        np.array([["a", "b"], ["b", "a"]]),
        tf.constant([["a", "b"], ["b", "a"]]),
        tf.ragged.constant([["a", "b"], ["b", "a"]]),
    ],
)
def test_rows_of_words(words):
    wanted = {"words": [["a", "b"], ["b", "a"]]}
    assert to_table({"words": words}, None, WORDS).columns == wanted
    if not isinstance(words, tuple):
        assert to_table(words, None, WORDS).columns == wanted
        assert to_table(words, None, TEXTS) is None


def test_rows_without_words():
    assert to_table([[], (), np.array([]), ["a"]], None, WORDS).columns == {"words": [[], [], [], ["a"]]}


@pytest.mark.parametrize("kind", [list, np.array, pandas.Series])
def test_a_tuple_of_columns(kind):
    first, second = ["a", "b"], ["b", "a"]
    choices = MultipleChoiceTask(TOKENIZER)
    pairs = [["a", "b"], ["b", "a"]]
    for task, x, wanted in [
        (TEXTS, (first,), {"text": first}),
        (QUESTIONS, (first, second), {"question": first, "context": second}),
        (choices, (first, pairs), {"prompt": first, "choices": pairs}),
        (SentenceEmbedding(TOKENIZER), (first,), {"text": first}),
        (SentenceEmbedding(TOKENIZER), (first, second), {"text": first, "text_pair": second}),
        (SentenceEmbedding(TOKENIZER), (first, second, first), {"text": first, "text_pair": second, "negative": first}),
    ]:
        assert to_table(tuple(kind(part) for part in x), None, task).columns == wanted
    for task in (TEXTS, QUESTIONS, choices, SentenceEmbedding(TOKENIZER)):
        assert to_table((first,) * 4, None, task) is None


def test_other_columns_stay_as_they_are():
    columns = {"spans": [[(0, 1, "x"), {"start": 2, "end": 3}]], "text": ["a b"], "weight": np.array([1])}
    assert to_table(columns, None, TEXTS).columns == {**columns, "weight": [1]}


def test_rows_that_are_dicts():
    rows = [{"question": "a", "context": "b"}, {"question": "b"}]
    with pytest.raises(DataError, match="the given data, row 1: no 'context' here"):
        QUESTIONS.examples(to_table(rows, None, QUESTIONS), labelled=False)
    with pytest.raises(ValueError, match="give no y"):
        to_table(rows[:1], ["b"], QUESTIONS)


@pytest.mark.parametrize(
    ("task", "x", "message"),
    [
        (TEXTS, ["a", None], "the given data, row 1: column 'text' holds null, not a text"),
        (TEXTS, {"txt": ["a"]}, "no column 'text'.*did you mean 'txt'"),
        (WORDS, [["a"], ["b", None]], r"row 1: column 'words' must hold a list of words, not \['b', None\]"),
        (QUESTIONS, {"question": "a?", "context": ["ab"]}, "column 'question' must be a list of values, not a text"),
    ],
)
def test_what_is_no_text_is_named(task, x, message):
    with pytest.raises(DataError, match=message):
        task.examples(to_table(x, None, task), labelled=False)


def test_a_dataframe():
    frame = pandas.DataFrame({"text": ["a", "b", None], "label": ["x", "y", "x"]}, index=[7, 8, 9])
    assert to_table(frame[:2], None, TEXTS).columns == {"text": ["a", "b"], "label": ["x", "y"]}
    assert to_table(frame[["text"]][:2], frame["label"][:2], TEXTS).columns == {"text": ["a", "b"], "label": ["x", "y"]}
    assert to_table(frame["text"][:2], None, TEXTS).columns == {"text": ["a", "b"]}
    with pytest.raises(DataError, match="row 2: column 'text' holds"):
        TEXTS.examples(to_table(frame, None, TEXTS), labelled=False)
    with pytest.raises(DataError, match="the name of a column must be a str, not 0"):
        to_table(pandas.DataFrame([["a"], ["b"]]), None, TEXTS)
