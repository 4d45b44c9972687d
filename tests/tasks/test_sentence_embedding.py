"""The five parts of the sentence embedding task."""

import json

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert import Tokenizer, data
from tfbert.data import Table
from tfbert.data.bad_rows import BadRows, usable
from tfbert.errors import ConfigError, DataError
from tfbert.tasks.sentence_embedding.loss import SentenceEmbeddingLoss
from tfbert.tasks.sentence_embedding.metrics import metrics, ranking
from tfbert.tasks.sentence_embedding.task import SentenceEmbedding
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film"]))
TRIPLETS = {"anchor": ["a", "b"], "positive": ["c", "d"], "negative": ["e", "f"]}


def table(**columns):
    return Table.from_columns(columns, source="train.tsv")


def task(**settings):
    return SentenceEmbedding(TOKENIZER, **settings)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def random_vectors(rows, size=5, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, size)).astype("float32")


# 1 example


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ({"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": ["5.0", "0.5"]}, ("cosine", (0.5, 5.0))),
        ({"sentence_A": ["a", "b"], "sentence_B": ["c", "d"], "relatedness_score": [1, 4]}, ("cosine", (1.0, 4.0))),
        ({"anchor": ["a", "b"], "positive": ["c", "d"]}, ("in_batch_negatives", None)),
        (TRIPLETS, ("triplet", None)),
    ],
)
def test_settings_from_a_table(columns, wanted):
    settings = SentenceEmbedding.settings_for(table(**columns), max_length=9)
    assert (settings["objective"], settings.get("score_range")) == wanted
    assert settings["max_length"] == 9


def test_given_settings_stay():
    rows = table(text=["a", "b"], text_pair=["c", "d"], score=[1, 4])
    settings = SentenceEmbedding.settings_for(rows, score_range=(0, 5))
    assert settings["score_range"] == (0, 5)
    settings = SentenceEmbedding.settings_for(rows, objective="in_batch_negatives")
    assert settings == {"objective": "in_batch_negatives"}


def test_usual_names_and_given_ones():
    examples = task(objective="triplet").examples(table(**TRIPLETS), training=True)
    assert examples == {"text": ["a", "b"], "text_pair": ["c", "d"], "negative": ["e", "f"]}
    mine = {"text": "eins", "text_pair": "zwei", "score": "note"}
    rows = table(eins=["a", "b"], zwei=["c", "d"], note=["0", "1"], text=["x", "y"])
    examples = task(columns=mine).examples(rows, training=True)
    assert examples.pop("score").tolist() == [0.0, 1.0]
    assert examples == {"text": ["a", "b"], "text_pair": ["c", "d"]}


def test_lists_of_positives_and_negatives(caplog):
    rows = {"query": ["a", "b"], "pos": [["c"], ["d", "e"]], "neg": [["f", "g"], ["h"]]}
    settings = SentenceEmbedding.settings_for(table(**rows))
    assert settings == {"objective": "triplet"}
    examples = task(**settings).examples(table(**rows), training=True)
    assert examples == {"text": ["a", "b"], "text_pair": ["c", "d"], "negative": ["f", "h"]}
    left_out = "2 more texts of 'pos' and 'neg' are left out; the first of each is learned, first at train.tsv, row 0"
    assert caplog.messages == [f"train.tsv: {left_out}"]
    pairs = table(query=["a", "b"], pos=[["c"], ["d"]])
    assert SentenceEmbedding.settings_for(pairs)["objective"] == "in_batch_negatives"
    assert task().examples(table(**rows), labelled=False) == {"text": ["a", "b"]}


FAULTS = {
    "no text in 'pos'": {"pos": []},
    "no text in 'neg'": {"neg": [None]},
    "no text": {"query": 3},
    None: {},
}


@settings(deadline=None, max_examples=40)  # tokenizers take their time at first
@given(st.lists(st.sampled_from(list(FAULTS)), max_size=30))
def test_rows_in_are_rows_out_and_rows_counted(kinds):
    kinds = [*kinds, None]
    given_rows = [{"query": "a", "pos": ["b"], "neg": ["c"], **FAULTS[kind]} for kind in kinds]
    rows = table(**{name: [row[name] for row in given_rows] for name in given_rows[0]})
    rows.bad_rows = BadRows("skip")
    examples, used = usable(rows, lambda some: task(objective="triplet").examples(some, training=True))
    assert len(examples["text"]) == len(used) == kinds.count(None)
    assert rows.bad_rows.counts() == {kind: kinds.count(kind) for kind in set(kinds) - {None}}


def test_bad_scores_are_rows():
    rows = table(text=["a", "b", "c", "d"], text_pair=["c", "d", "e", "f"], score=[0, "much", 1, 7])
    rows.bad_rows = BadRows("skip")
    examples, used = usable(rows, lambda some: task().examples(some, training=True))
    assert rows.bad_rows.counts() == {"no score": 1, "a score outside score_range": 1}
    assert examples["score"].tolist() == [0, 1]


def test_texts_alone_and_pairs_without_scores_are_answered():
    assert task().examples(table(sentence=["a"]), labelled=False) == {"text": ["a"]}
    pairs = table(sentence1=["a"], sentence2=["b"], label=["entailment"])
    assert task().examples(pairs, labelled=False) == {"text": ["a"], "text_pair": ["b"]}


def test_labels_that_are_no_scores_are_left_alone_where_none_are_learned():
    pairs = table(premise=["a", "b"], hypothesis=["c", "d"], label=["entailment", "neutral"])
    assert "score" not in task(objective="in_batch_negatives").examples(pairs, training=True)
    scored = table(text=["a", "b"], text_pair=["c", "d"], score=[1, 2])
    assert "score" in task(objective="in_batch_negatives").examples(scored)


@pytest.mark.parametrize(
    ("settings", "columns", "message"),
    [
        ({}, {"text": [], "text_pair": [], "score": []}, "has no rows"),
        ({}, {"texts": ["a"]}, "no column 'text'.*'texts'"),
        ({}, {"text": ["a"], "score": ["1"]}, "no column 'text_pair'"),
        ({}, {"text": ["a"], "text_pair": ["b"]}, "no column 'score'.*in_batch_negatives"),
        ({}, {"text": ["a", "b"], "text_pair": ["b", 3], "score": [0, 1]}, "row 1: column 'text_pair' holds a number"),
        ({}, {"text": ["a", "b"], "text_pair": ["b", "c"], "score": [0, "much"]}, "row 1: column 'score' holds 'much', which is no score"),
        ({}, {"text": ["a", "b"], "text_pair": ["b", "c"], "score": [0, None]}, "row 1: column 'score' holds None"),
        ({}, {"text": ["a", "b"], "text_pair": ["b", "c"], "score": ["0", "nan"]}, "row 1: the score 'nan' is not a finite number"),
        ({}, {"text": ["a", "b"], "text_pair": ["b", "c"], "score": [1, 1]}, "no two different scores"),
        ({}, {"text": ["a"] * 3, "text_pair": ["b"] * 3, "score": [0, 5, 4]}, r"row 1: the score 5 is outside score_range 0 to 1.*2 of 3 rows"),
        ({}, {**TRIPLETS, "score": [0, 1]}, 'set "triplet"'),
        ({"objective": "triplet"}, {"text": ["a"], "text_pair": ["b"]}, "no column 'negative'"),
        ({"objective": "in_batch_negatives"}, {"text": ["a", "b"], "text_pair": ["c", "c"]}, "all texts have the same pair"),
    ],
)  # fmt: skip
def test_a_bad_table(settings, columns, message):
    with pytest.raises(DataError, match=message):
        task(**settings).examples(table(**columns), training=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "contrastive"}, "objective 'contrastive' is not one of cosine"),
        ({"pooling": "sum"}, "pooling 'sum' is not one of mean"),
        ({"score_range": (1.0, 1.0)}, "score_range is the least"),
        ({"score_range": (1.0,)}, "score_range is the least"),
        ({"dimensions": -1}, "dimensions must not be negative"),
        ({"scale": 0.0}, "scale must be positive"),
        ({"margin": -1.0}, "margin must be positive"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        task(**settings)


# 2 features


def test_an_examples_texts_are_neighbours():
    example = {"text": ["good", "bad film"], "text_pair": ["bad", ""]}
    features = task().features(example)
    assert features["token_ids"].numpy().tolist() == [[2, 4, 3, 0], [2, 5, 3, 0], [2, 5, 6, 3], [2, 3, 0, 0]]
    assert features["rows"].numpy().tolist() == [0, 0, 1, 1]
    assert task(max_length=3).features(example)["token_ids"].shape == (4, 3)
    assert task().features({"text": ["good"]})["rows"].numpy().tolist() == [0]
    assert task().features({"text": tf.constant([], tf.string)})["token_ids"].shape[0] == 0


def test_targets():
    example = {"text": ["good", "bad"], "text_pair": ["bad", "film"], "score": np.array([1.0, 5.0], "float32")}
    scored = task(score_range=(1.0, 5.0))
    assert scored.target(example, scored.features(example)).numpy().tolist() == [0, 0, 1, 1]
    pairs = task(objective="in_batch_negatives")
    assert pairs.target(example, pairs.features(example)).numpy().tolist() == [[1, 0], [0, 1]] * 2
    triplets = {**example, "negative": ["a", "b"]}
    assert pairs.target(triplets, pairs.features(triplets)).numpy().tolist() == np.eye(3).tolist() * 2


# 4 loss and metrics


def test_cosine_loss():
    embeddings, scores = random_vectors(6), np.array([0.0, 0.5, 1.0])
    wanted = np.mean(((unit(embeddings[::2]) * unit(embeddings[1::2])).sum(1) - scores) ** 2)
    loss = SentenceEmbeddingLoss("cosine")(np.repeat(scores, 2), embeddings)
    np.testing.assert_allclose(loss, wanted, rtol=1e-5)


@pytest.mark.parametrize("texts", [2, 3])
def test_in_batch_negatives_loss(texts):
    embeddings = random_vectors(4 * texts)
    parts = [unit(embeddings[i::texts]) for i in range(texts)]
    logits = 20 * parts[0] @ np.concatenate(parts[1:]).T
    wanted = -np.mean([row[i] - np.log(np.exp(row).sum()) for i, row in enumerate(logits)])
    loss = SentenceEmbeddingLoss("in_batch_negatives")(np.tile(np.eye(texts), (4, 1)), embeddings)
    np.testing.assert_allclose(loss, wanted, rtol=1e-5)


def test_triplet_loss():
    embeddings = random_vectors(12)
    text, pair, negative = (unit(embeddings[i::3]) for i in range(3))
    distances = [1 - (text * other).sum(1) for other in (pair, negative)]
    wanted = np.maximum(distances[0] - distances[1] + 0.5, 0)
    assert 0 < (wanted > 0).sum()
    loss = SentenceEmbeddingLoss("triplet", margin=0.5)(np.tile(np.eye(3), (4, 1)), embeddings)
    np.testing.assert_allclose(loss, wanted.mean(), rtol=1e-5)


def test_a_loss_says_what_it_is():
    config = SentenceEmbeddingLoss("triplet", margin=0.25).get_config()
    assert SentenceEmbeddingLoss.from_config(config).get_config() == config
    assert (config["objective"], config["margin"]) == ("triplet", 0.25)


def test_correlations_are_scipys():
    scores, similarity = np.array([0.0, 1, 3, 2, 5]), np.array([0.1, 0.1, 0.5, 0.7, 0.9])
    values = metrics({"score": scores, "text": ["x"] * 5, "text_pair": ["y"] * 5}, {"similarity": similarity})
    assert list(values) == ["spearman", "pearson"]
    assert values["spearman"] == pytest.approx(scipy.stats.spearmanr(scores, similarity).statistic)
    assert values["pearson"] == pytest.approx(np.corrcoef(scores, similarity)[0, 1])
    same = metrics({"score": scores, "text": ["x"] * 5, "text_pair": ["y"] * 5}, {"similarity": np.ones(5)})
    assert np.isnan(same["spearman"])


def slow_ranks(examples, answers):
    """The definition, pair by pair."""
    cosine = unit(answers["embedding"]) @ unit(answers["embedding_pair"]).T
    first = {pair: row for row, pair in reversed(list(enumerate(examples["text_pair"])))}
    relevant = set(zip(examples["text"], examples["text_pair"], strict=True))
    return [
        1
        + sum(
            cosine[i, row] >= cosine[i, first[own]]
            for other, row in first.items()
            if (text, other) not in relevant
        )
        for i, (text, own) in enumerate(zip(examples["text"], examples["text_pair"], strict=True))
    ]  # fmt: skip


def test_ranks_of_pairs(monkeypatch):
    monkeypatch.setattr("tfbert.tasks.sentence_embedding.metrics._TEXTS_AT_ONCE", 7)
    random = np.random.default_rng(0)
    texts, pairs = ([f"{name}{n}" for n in random.integers(0, 15, 30)] for name in "qp")
    vector_of = dict(zip(sorted({*texts, *pairs}), random_vectors(len({*texts, *pairs})), strict=True))
    examples = {"text": texts, "text_pair": pairs}
    answers = {
        "embedding": np.array([vector_of[t] for t in texts]),
        "embedding_pair": np.array([vector_of[t] for t in pairs]),
    }
    wanted = np.array(slow_ranks(examples, answers))
    assert 1 < len(set(wanted))
    np.testing.assert_array_equal(ranking(examples, answers)[0], wanted)
    values = metrics(examples, answers)
    assert list(values) == ["recall_at_1", "recall_at_10", "mean_reciprocal_rank"]
    assert values["recall_at_1"] == np.mean(wanted == 1)
    assert values["recall_at_10"] == np.mean(wanted <= 10)
    assert values["mean_reciprocal_rank"] == pytest.approx(np.mean(1 / wanted))


def test_equal_embeddings_of_everything_are_no_success():
    ones = np.ones((4, 3), "float32")
    examples = {"text": list("abcd"), "text_pair": list("efgh")}
    values = metrics(examples, {"embedding": ones, "embedding_pair": ones})
    assert values == {"recall_at_1": 0.0, "recall_at_10": 1.0, "mean_reciprocal_rank": 0.25}


def test_triplet_accuracy_and_what_the_report_draws():
    examples = {"text": ["a", "b"], "text_pair": ["c", "d"], "negative": ["e", "f"]}
    answers = {"similarity": np.array([0.9, 0.1]), "similarity_negative": np.array([0.3, 0.1])}
    assert metrics(examples, answers) == {"triplet_accuracy": 0.5}
    drawn = task(objective="triplet").evaluation(examples, answers, token_lengths=[3, 3], data="dev.tsv")
    assert (drawn.predicted, drawn.quality.tolist()) == (["c", "f"], [1.0, 0.0])


# 5 answer


def test_answers():
    outputs = random_vectors(4)
    alone = task().answer({"text": ["a"] * 4}, None, tf.constant(outputs))
    assert list(alone) == ["embedding"]
    pairs = task().answer({"text": ["a"] * 2, "text_pair": ["b"] * 2}, None, tf.constant(outputs))
    np.testing.assert_array_equal(pairs["embedding_pair"], outputs[1::2])
    np.testing.assert_allclose(pairs["similarity"], (unit(outputs[::2]) * unit(outputs[1::2])).sum(1), rtol=1e-5)
    rows = task().readable({name: value.numpy() for name, value in pairs.items()})
    assert json.loads(json.dumps(rows)) == rows
    assert set(rows[0]) == {"embedding", "embedding_pair", "similarity"}
    assert len(rows[0]["embedding"]) == 5


# on published data


def test_stsb_and_sick_as_published(data_dir):
    stsb = data.read(
        data_dir("similarity/stsb_multi_mt/stsb-en-train.csv.gz"), column_names=("sentence1", "sentence2", "score")
    )
    sick = data.read(data_dir("similarity/sick2014/SICK_train.txt.gz"), format="tsv")
    for rows, count, wanted in ((stsb, 5749, (0.0, 5.0)), (sick, 4500, (1.0, 5.0))):
        settings = SentenceEmbedding.settings_for(rows)
        assert (settings["objective"], settings["score_range"]) == ("cosine", wanted)
        assert len(task(**settings).examples(rows, training=True)["score"]) == count
