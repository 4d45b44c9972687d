"""The five parts of the summarization task."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from rouge_score import rouge_scorer
from rouge_score.tokenizers import DefaultTokenizer
from summary_reference import summaries_of, words_of

import tfbert
from tfbert import Tokenizer
from tfbert.data import Table, columns
from tfbert.data.bad_rows import BadRows, usable
from tfbert.errors import ConfigError, DataError
from tfbert.tasks.summarization.examples import sentence_texts
from tfbert.tasks.summarization.loss import SentenceLoss
from tfbert.tasks.summarization.metrics import of_sentences, rouge
from tfbert.tasks.summarization.oracle import greedy
from tfbert.tasks.summarization.selection import chosen, ngrams
from tfbert.tasks.summarization.task import Summarization
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(
    Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *".,!?。", "shares", "fell", "rose", "it", "rain", "##ed", "好"])
)


def table(**values):
    return Table.from_columns(values, source="train.jsonl")


def task(**settings):
    return Summarization(TOKENIZER, **settings)


def labels(rows, **settings):
    return [label.tolist() for label in task(**settings).examples(rows)["labels"]]


# 1 example


@pytest.mark.parametrize(
    "names", [("document", "summary"), ("article", "highlights"), ("text", "y"), ("article", "summary")]
)
def test_an_extractive_summary_gives_its_sentences(names):
    documents = ["Shares fell. It rained. It rose. It fell. It came.", "It fell."]
    rows = table(**dict(zip(names, (documents, ["It came.Shares fell.It rose.It rained.", "It fell."]), strict=True)))
    assert labels(rows) == [[1, 1, 1, 0, 1], [1]]  # four, though a summary of three is the setting


def test_an_abstractive_summary_gives_the_nearest_sentences():
    document = "The shares of Acme fell. It rained. Acme fell a lot. It was a sunny day for shares."
    rows = table(document=[document, ""], summary=["Shares of Acme fell on a sunny day.", "nothing"])
    assert labels(rows) == [[1, 0, 0, 1], []]
    assert labels(rows, sentences=1) == [[1, 0, 0, 0], []]


def test_labels_are_those_of_bertsum(data_dir):
    """nlpyang/BertSum's greedy_selection, which counts all anew for each candidate, on real articles."""
    rows = tfbert.data.read(data_dir("summarization/cnndm_sample/cnn_dailymail.csv.gz")).select(range(30))
    documents = sentence_texts(task(), rows.column("text"))
    scorer = DefaultTokenizer()
    for document, summary in zip(documents, rows.column("y"), strict=True):
        words, truth = [scorer.tokenize(text) for text in document], scorer.tokenize(summary)
        assert greedy(words, truth, 3) == of_bertsum(words, truth, 3)


def of_bertsum(sentences, summary, size):
    def grams(words, n):
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    def f1(numbers, n):
        found, truth = set.union(*(grams(sentences[i], n) for i in numbers)), grams(summary, n)
        precision, recall = (len(found & truth) / max(len(part), 1) for part in (found, truth))
        return 2 * precision * recall / (precision + recall + 1e-8)

    selected, most = [], 0.0
    for _ in range(size):
        best, best_number = most, -1
        for number in range(len(sentences)):
            score = 0.0 if number in selected else f1([*selected, number], 1) + f1([*selected, number], 2)
            if score > best:
                best, best_number = score, number
        if best_number < 0:
            break
        selected.append(best_number)
        most = best
    return sorted(selected)


def test_given_labels():
    sentences = [["It fell. It rose", "Rain", "Sun\nand rain"], ["One"], []]
    for cells in ([[1, 0, 1], [0], []], [[0, 2], [], []], ["0 0 1".replace(" ", ","), "1", "[]"]):
        rows = table(sentences=sentences, labels=cells)
        examples = task().examples(rows)
        wanted = [[0, 0, 0, 1], [1], []] if isinstance(cells[0], str) else [[1, 1, 0, 1], [0], []]
        assert [label.tolist() for label in examples["labels"]] == wanted  # the first sentence is two to the splitter
        assert examples["document"] == ["It fell. It rose\nRain\nSun and rain", "One", ""]
        assert "summary" not in examples
    with_summary = task().examples(table(sentences=[["It fell.", "Rain"]], labels=[[1]], summary=["It fell."]))
    assert with_summary["summary"] == ["It fell."]


def test_numbers_of_sentences_are_told_from_0_and_1_by_the_whole_column():
    sentences = [["It fell.", "Rain.", "It rose."], ["It fell.", "Rain."], ["It fell."]]
    for cells, wanted in [
        ([[0, 2], [0, 1], [0]], [[1, 0, 1], [1, 1], [1]]),
        ([[0, 1, 1], [0, 1], [0]], [[0, 1, 1], [0, 1], [0]]),
        (["0,1", "0,1", "0"], [[1, 1, 0], [1, 1], [1]]),
    ]:
        assert labels(table(sentences=sentences, labels=cells)) == wanted
    with pytest.raises(DataError, match=r"row 0: labels \[1, 0, 1\] are not .*: train.jsonl, row 2 has \[\] for 1"):
        labels(table(sentences=sentences, labels=[[1, 0, 1], [0, 1], []]))


def test_unlabelled_documents():
    assert task().examples(table(document=["It fell."]), labelled=False) == {"document": ["It fell."]}
    assert task().examples(table(sentences=[["It", "fell"]]), labelled=False) == {"document": ["It\nfell"]}
    lone = Table({"sentences": ["It fell.", None], "labels": [0, None]}, source="a.tfrecord", has_lists_of_one=True)
    assert [row.tolist() for row in task().examples(lone)["labels"]] == [[0], []]
    renamed = task(columns={"document": "body"})
    assert renamed.examples(table(body=["x"], document=["y"]), labelled=False) == {"document": ["x"]}


def test_a_label_of_something_else_is_none_of_sentences():
    columns = {"document": ["It fell. It rose."], "label": ["business"]}
    assert task().examples(table(**columns), labelled=False) == {"document": columns["document"]}
    assert labels(table(**columns, summary=["It rose."])) == [[0, 1]]
    with pytest.raises(DataError, match="labels need a column 'sentences'"):
        labels(table(**columns, summary=["It rose."]), columns={"labels": "label"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"document": [], "summary": []}, "has no rows"),
        ({"documents": ["a"], "summary": ["b"]}, "no column 'document'.*did you mean 'documents'"),
        ({"document": ["a"]}, "no column 'summary'"),
        ({"document": ["a", None], "summary": ["b", "c"]}, "row 1: column 'document' holds null"),
        ({"document": ["a"], "labels": [[1]]}, "labels need a column 'sentences'"),
        ({"sentences": ["a"], "labels": [[1]]}, "row 0: sentences must be a list of texts, not 'a'"),
        ({"sentences": [["a", 1]], "labels": [[1]]}, "row 0: sentences must be a list of texts"),
        ({"sentences": [["a", "b"]], "labels": [[2]]}, r"row 0: labels \[2\] are not numbers of its 2 sentences"),
        ({"sentences": [["a", "b"]], "labels": [["1"]]}, "row 0: labels must be a list of 0 and 1"),
        ({"sentences": [["a", "b"]], "labels": ["one"]}, "row 0: labels must be a list of 0 and 1"),
        ({"sentences": [["a", "b", "c"]], "labels": [[1, 1]]}, r"row 0: labels \[1, 1\] are not numbers"),
        ({"document": ["It fell. It rose."], "summary": ["rain"]}, "nothing can be learned"),
        ({"document": ["It fell."], "summary": ["It fell."]}, "nothing can be learned"),
    ],
)
def test_a_bad_table(values, message):
    with pytest.raises(DataError, match=message):
        task().examples(table(**values), training=True)


def test_rows_that_train_nothing_are_left_out_and_counted(caplog):
    rows = table(document=["It fell. It rose.", "", "It fell."], summary=["It rose.", "x", "rain"])
    with caplog.at_level("WARNING"):
        examples = task().examples(rows, training=True)
    assert examples["document"] == ["It fell. It rose."]
    assert "2 rows have no sentence" in caplog.text and "first at train.jsonl, row 1" in caplog.text
    assert len(task().examples(rows)["document"]) == 3
    empty = table(document=["It fell. It rose."] * 2, summary=["It rose.", " "])
    assert len(task().examples(empty)["document"]) == 2
    assert "1 summaries are empty, and no answer to them scores, first at train.jsonl, row 1" in caplog.text


def test_bad_rows_are_left_out_and_counted():
    values = {"sentences": [["a", "b"], "a", ["a", "b"], ["a"]], "labels": [[1, 0], [1], "one", [0]]}
    rows = Table(values, source="train.jsonl", bad_rows=BadRows("skip"))
    examples, used = usable(rows, task().examples)
    assert len(examples["document"]) == len(used) == 2
    assert rows.bad_rows.counts() == {"no list of sentences": 1, "no list of labels": 1}


def test_summaries_in_scripts_without_spaces_score_by_characters():
    values = rouge([["กรุงเทพมหานคร"]], [["กรุงเทพ"]], [["กรุงเทพ"]])
    assert values["rouge1"] == pytest.approx(14 / 20)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sentences": 0}, "sentences must be positive"),
        ({"ratio": 1.5}, "ratio is a share"),
        ({"block_ngrams": -1}, "block_ngrams must not be negative"),
        ({"max_length": 8, "stride": 6}, "stride 6 leaves a window of max_length 8 no new tokens"),
        ({"columns": {"text": "article"}}, "columns names 'text'; the parts of the example are document, summary"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        task(**settings)
    with pytest.raises(ConfigError, match="no setting 'sentence'; did you mean 'sentences'"):
        Summarization.settings_for(table(document=["a"]), sentence=1)


# 2 features


def test_each_sentence_is_whole_in_one_window():
    documents = ["Shares fell. It rose. It rained! Shares rose. It fell.", "", "好。It fell"]
    some = task(max_length=8, stride=3)  # windows of 6 tokens
    example = {"document": tf.constant(documents)}
    features = some.features(example)
    assert features["rows"].numpy().tolist() == [0] * 5 + [1, 2]
    ids = features["sentence_ids"].numpy()
    assert ids.shape == features["token_ids"].shape
    found = {int(number): np.argwhere(ids == number) for number in np.unique(ids) if number >= 0}
    assert sorted(found) == list(range(7))
    sizes = [3, 3, 4, 3, 3, 2, 2]
    for number, places in found.items():
        assert len(places) == sizes[number] and len(set(places[:, 0])) == 1
    example["labels"] = tf.RaggedTensor.from_row_lengths([1, 0, 0, 0, 1, 0, 1], [5, 0, 2])
    target = some.target(example, features).numpy()
    np.testing.assert_array_equal(target[..., 0], ids)
    np.testing.assert_array_equal(target[..., 1], np.isin(ids, [0, 4, 6]))


def test_a_sentence_longer_than_its_windows():
    features = task(max_length=8, stride=0).features({"document": tf.constant(["it " * 14])})
    assert (features["sentence_ids"].numpy() >= 0).sum(1).tolist() == [6, 0, 0]


# 4 loss and metrics


def test_loss_by_hand():
    truth = np.array([[[-1, 0], [3, 1], [3, 1], [4, 0]], [[-1, 0]] * 4, [[-1, 0], [5, 1], [-1, 0], [-1, 0]]])
    logits = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    positive = [np.logaddexp(0, -logits[0, 1:3].mean()), np.logaddexp(0, -logits[2, 1])]
    wanted = [(positive[0] + np.logaddexp(0, logits[0, 3])) / 2, 0, positive[1]]
    np.testing.assert_allclose(SentenceLoss(reduction=None)(truth, logits), wanted, rtol=1e-5)
    np.testing.assert_allclose(SentenceLoss()(truth, logits), np.mean(wanted), rtol=1e-5)
    assert SentenceLoss()(truth[1:2], logits[1:2]) == 0.0  # a window without sentences


def test_rouge_is_rouge_scores(data_dir):
    rows = tfbert.data.read(data_dir("summarization/cnndm_sample/cnn_dailymail.csv.gz")).select(range(10))
    some = task(sentences=2)
    examples = some.examples(rows)
    predicted = [[document[:200], document[300:400]] for document in examples["document"]]
    answers = {"sentences": np.array([[text.encode() for text in [*row, ""]] for row in predicted], object)}
    values = some.metrics(examples, answers)
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=True)
    pairs = list(zip(rows.column("y"), predicted, strict=True))
    for name in ("rouge1", "rouge2", "rougeL"):
        wanted = np.mean([scorer.score(truth, " ".join(row))[name].fmeasure for truth, row in pairs])
        assert values[name] == pytest.approx(wanted)
    assert 0 < values["rouge2"] < values["rouge1"] < 1
    assert set(values) == {f"{lead}{name}" for lead in ("", "lead_") for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")}  # fmt: skip
    assert next(iter(values)) == "rouge1"


def test_lead_and_sum_of_sentences():
    values = rouge([["it fell", "it rose"]], [["it rose", "it fell"]], [["it fell"]])
    assert (values["rouge1"], values["rougeLsum"], values["rougeL"]) == (1.0, 1.0, 0.5)
    assert values["lead_rouge1"] == pytest.approx(2 / 3)
    assert rouge([["好吗"]], [["吗"]], [["很"]])["rouge1"] == pytest.approx(2 / 3)  # not in a-z0-9


def test_metrics_of_labels():
    values = of_sentences(
        [np.array([1, 0, 1]), np.zeros(0, int), np.array([1])], np.array([[0, 1], [-1, -1], [-1, -1]])
    )
    assert values == {"f1": pytest.approx(2 / 5), "precision": 0.5, "recall": pytest.approx(1 / 3)}


# 5 answer


def test_answers_are_those_of_plain_python(data_dir):
    """Random logits of tokens on real news, with windows, a Chinese document, and empty ones between."""
    rows = tfbert.data.read(data_dir("summarization/cnndm_sample/cnn_dailymail.csv.gz"))
    documents = [
        "",
        *rows.column("text")[:12],
        " \n",
        "天气很好。我们去公园！天气很好吗？是。",
        "It fell. it FELL.. It rose.",
    ]
    random = np.random.default_rng(0)
    for settings in ({}, {"ratio": 0.5}, {"sentences": 30, "block_ngrams": 2}, {"sentences": 2, "block_ngrams": 0}):
        some = task(max_length=48, stride=10, **settings)
        example = {"document": tf.constant(documents)}
        features = some.features(example)
        outputs = random.normal(size=features["token_ids"].shape).astype("float32")
        answer = {name: value.numpy() for name, value in some.answer(example, features, tf.constant(outputs)).items()}
        windows = TOKENIZER.windows(documents, max_length=48, stride=10, offsets=True)
        found = some.splitter(example["document"])
        spans = list(zip(found.starts.numpy().tolist(), found.ends.numpy().tolist(), strict=True))
        splits = found.row_splits.numpy()
        spans = [spans[a:b] for a, b in zip(splits, splits[1:], strict=False)]
        limits = [round(0.5 * len(own)) or bool(own) if "ratio" in settings else some.sentences for own in spans]
        arrays = {name: value.numpy() for name, value in windows.items()}
        wanted = summaries_of(documents, spans, arrays, outputs, limits, some.block_ngrams)
        assert max(len(row) for row in wanted) > 1
        for i, row in enumerate(wanted):
            numbers = answer["sentence_ids"][i]
            assert numbers[numbers >= 0].tolist() == [number for number, _ in row]
            np.testing.assert_allclose(answer["scores"][i, : len(row)], [score for _, score in row], atol=1e-6)
            texts = [document.decode() for document in answer["sentences"][i, : len(row)]]
            assert texts == [documents[i].encode()[slice(*spans[i][number])].decode() for number, _ in row]
            places = zip(answer["start"][i], answer["end"][i], strict=True)
            assert [documents[i][a:b] for a, b in places][: len(row)] == texts
            assert answer["summary"][i].decode() == ("" if "天" in documents[i] else " ").join(texts)
            assert not answer["scores"][i, len(row) :].any() and (answer["byte_end"][i, len(row) :] == -1).all()


def test_repetition_is_passed_over():
    texts = ["It fell a lot.", "So IT FELL, a lot", "It rose.", "it fell", "It fell a lot again"]
    splitter = task().splitter
    found = splitter(tf.constant(["\n".join(texts)]))

    def taken(scores, limit, n):
        return (
            chosen(tf.constant(scores), found, tf.constant([limit]), tf.constant(texts), block_ngrams=n)
            .numpy()
            .tolist()
        )

    scores = [0.5, 0.9, 0.1, 0.4, 0.3]
    assert taken(scores, 5, 3) == [False, True, True, True, False]
    assert taken(scores, 5, 2) == [False, True, True, False, False]
    assert taken(scores, 2, 3) == [False, True, False, True, False]
    assert taken(scores, 2, 0) == [True, True, False, False, False]
    assert taken([-1.0] * 5, 2, 3) == taken([-1.0] * 5, 2, 0) == [False] * 5


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_ngrams_are_exact(n):
    texts = ["a b a b c", "A, B: a!", "é ß x", "好的好的", "", "a b a b c"]
    rows = [0, 0, 0, 0, 0, 1]
    numbers = ngrams(tf.constant(texts), tf.constant(rows), n).to_list()
    words = [words_of(text) for text in texts]
    grams = [[(row, *own[i : i + n]) for i in range(len(own) - n + 1)] for row, own in zip(rows, words, strict=True)]
    assert [len(row) for row in numbers] == [len(row) for row in grams]
    pairs = {
        (number, gram) for row, of in zip(numbers, grams, strict=True) for number, gram in zip(row, of, strict=True)
    }
    assert len(pairs) == len({number for number, _ in pairs}) == len({gram for _, gram in pairs})


def test_an_empty_batch():
    example = {"document": tf.constant([], tf.string)}
    features = task().features(example)
    answer = task().answer(example, features, tf.zeros(tf.shape(features["token_ids"])))
    assert answer["sentences"].shape[0] == answer["summary"].shape[0] == 0


def test_the_report():
    rows = table(sentences=[["It fell", "It rose"], ["Rain"]], labels=[[1, 0], [0]])
    examples = task().examples(rows)
    example = {name: columns.tensor(values) for name, values in examples.items()}
    features = task(sentences=1).features(example)
    answer = task(sentences=1).answer(example, features, tf.zeros(tf.shape(features["token_ids"])))
    answers = {name: value.numpy() for name, value in answer.items()}
    report = task(sentences=1).evaluation(examples, answers, token_lengths=np.array([6, 3]), data="dev.jsonl")
    assert (report.truth, report.predicted, list(report.quality)) == (["It fell", ""], ["It fell", "Rain"], [1.0, 0.0])
    assert report.metrics["precision"] == 0.5


# 3 head


def test_the_head_has_the_checkpoints_own_dropout(tiny_config):
    config = dataclasses.replace(tiny_config, classifier_dropout=0.37)
    network = task().head(tfbert.BertEncoder(config))
    assert network.get_layer("classifier_dropout").rate == 0.37
