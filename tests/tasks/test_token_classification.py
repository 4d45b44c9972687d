"""Features, target, loss, metrics and answers of the token classification task."""

import numpy as np
import pytest
import tensorflow as tf
from bio_reference import entities_of

from tfbert import Tokenizer
from tfbert.data import Table, columns
from tfbert.data.reading import read
from tfbert.tasks.token_classification.decoding import best_tags, bio_constraint, texts_between
from tfbert.tasks.token_classification.task import TokenClassification
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(
    Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "new", "york", "##er", "is", "big", ",", "rome", "北", "京"])
)
LABELS = ("person", "place")


def table(**values):
    return Table.from_columns(values, source="train.jsonl")


def task(tokenizer=TOKENIZER, **settings):
    return TokenClassification(tokenizer, **{"labels": LABELS, **settings})


def tensors(examples):
    return {name: columns.tensor(values) for name, values in examples.items()}


def arrays(values):
    return {name: value.numpy() for name, value in values.items()}


def as_trained(examples, **settings):
    """What a perfect model answers: its logits are the target."""
    spans = [row.astype(np.int32) for row in examples["spans"]]
    one, example = task(**settings), tensors({**examples, "spans": spans})
    features = one.features(example)
    target = one.target(example, features)
    return one, arrays(one.answer(example, features, tf.one_hot(tf.maximum(target, 0), 1 + 2 * len(one.labels)) * 20))


# 2 features


def test_target_is_the_tag_of_first_pieces():
    one = task()
    examples = one.examples(
        table(text=["Yorker is New York", "Rome"], spans=[[[0, 6, "person"], [10, 18, "place"]], []])
    )
    example = tensors(examples)
    target = one.target(example, one.features(example)).numpy().tolist()
    assert target == [[-100, 1, -100, 0, 3, 4, -100], [-100, 0, -100, -100, -100, -100, -100]]


def test_words_that_a_span_touches():
    one = task()
    texts = ["北京Rome", "New Yorker is", "Yorker"]
    given = [
        [[0, 1, "place"], [1, 2, "place"], [2, 6, "person"]],
        [[1, 5, "person"]],
        [[0, 4, "place"], [4, 6, "person"]],
    ]
    example = tensors(one.examples(table(text=texts, spans=given)))
    target = one.target(example, one.features(example)).numpy()
    assert target[:, 1:4].tolist() == [[3, 3, 1], [1, 2, -100], [3, -100, -100]]


def test_words_without_pieces_take_no_tag():
    one, answer = as_trained(
        {"words": [["\u200d", "York", ""], []], "spans": [np.array([[0, 2, 1]]), np.zeros((0, 3), int)]}, words=True
    )
    assert answer["label"].tolist() == [[b"place"], [b""]]
    assert (answer["word_start"].tolist(), answer["start"].tolist()) == ([[1], [-1]], [[2], [-1]])


def test_each_word_is_learned_once_where_it_has_most_context():
    one = task(max_length=6, stride=2)
    example = tensors(one.examples(table(text=["Rome " * 7, ""], spans=[[[0, 4, "place"]], []])))
    features = one.features(example)
    target = one.target(example, features).numpy()
    assert features["rows"].numpy().tolist() == [0, 0, 0, 1]
    assert target[:3].tolist() == [
        [-100, 3, 0, 0, -100, -100],
        [-100, -100, 0, 0, -100, -100],
        [-100, -100, 0, 0, -100, -100],
    ]
    assert (target != -100).sum() == 7


def test_a_dense_tensor_of_words():
    dense = task().features({"words": tf.constant([["York", ""], ["is", "big"]])})
    ragged = task().features({"words": tf.ragged.constant([["York"], ["is", "big"]])})
    assert arrays(dense)["token_ids"].tolist() == arrays(ragged)["token_ids"].tolist()


# 4 loss and metrics


def test_loss_is_the_mean_over_words_as_hugging_faces():
    logits = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    target = np.array([[-100, 1, 2, -100], [-100, 0, -100, -100], [-100] * 4])
    wanted = [-tf.nn.log_softmax(logits[i, k])[target[i, k]] for i, k in np.argwhere(target >= 0)]
    assert float(task().loss()(target, logits)) == pytest.approx(np.mean(wanted), rel=1e-6)
    assert float(task().loss()(target[2:], logits[2:])) == 0.0  # no word


def test_metrics_are_seqevals(data_dir):
    seqeval = pytest.importorskip("seqeval.metrics")
    from seqeval.scheme import IOB2

    rows = read(data_dir("ner/wnut17/emerging.dev.conll")).select(range(400))
    one = task(labels=TokenClassification.settings_for(rows)["labels"], words=True)
    examples = one.examples(rows)
    tags = ["O", *(f"{prefix}-{label}" for label in one.labels for prefix in "BI")]
    random = np.random.default_rng(0)
    truth, found = rows.column("tags"), []
    for row in truth:  # a third of the entities' tags wrong, but BIO
        row = [random.choice(tags) if tag != "O" and random.random() < 0.3 else tag for tag in row]
        for i, tag in enumerate(row):
            if tag[0] == "I" and (i == 0 or row[i - 1][1:] != tag[1:]):
                row[i] = "O"
        found.append(row)
    predicted = one.examples(table(words=rows.column("words"), tags=found))["spans"]
    most = max(map(len, predicted))
    answers = {"label": np.full((400, most), b"", object), "word_start": np.full((400, most), -1)}
    answers["word_end"] = answers["word_start"].copy()
    answers["score"] = np.full((400, most), 0.5)
    for i, row in enumerate(predicted):
        for k, (start, end, label) in enumerate(row):
            answers["label"][i, k] = one.labels[label].encode()
            answers["word_start"][i, k], answers["word_end"][i, k] = start, end
    ours = one.metrics(examples, answers)
    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    assert 0.3 < ours["f1"] < 0.9
    for name in ("f1", "precision", "recall"):
        assert ours[name] == pytest.approx(getattr(seqeval, f"{name}_score")(truth, found, **strict), abs=1e-12)
    assert ours["macro_f1"] == pytest.approx(seqeval.f1_score(truth, found, average="macro", **strict))
    evaluation = one.evaluation(examples, answers, token_lengths=np.ones(400, int), data="dev")
    report = seqeval.classification_report(truth, found, output_dict=True, **strict)
    assert evaluation.labels == one.labels
    for label, (precision, recall, f1, support) in evaluation.by_label.items():
        theirs = report[label]
        assert (precision, recall, f1) == pytest.approx((theirs["precision"], theirs["recall"], theirs["f1-score"]))
        assert support == theirs["support"]
    assert next(iter(ours)) == "f1"


def test_evaluation_names_entities():
    one, answer = as_trained(
        {"text": ["is Rome, New York", "big"], "spans": [np.array([[3, 7, 1], [9, 17, 0]]), np.zeros((0, 3), int)]}
    )
    examples = {"text": ["is Rome, New York", "big"], "spans": [np.array([[3, 7, 0]]), np.zeros((0, 3), int)]}
    evaluation = one.evaluation(examples, answer, token_lengths=[6, 3], data="dev.jsonl")
    assert evaluation.truth == ["Rome: person", ""]
    assert evaluation.predicted == ["Rome: place; New York: person", ""]
    assert evaluation.quality.tolist() == [0.0, 1.0]
    assert evaluation.scores.tolist() == pytest.approx([1.0, 0.0])


# 5 answer


def test_answer_and_readable():
    text = "é Rome, New\u00a0York 北京"
    one, answer = as_trained(
        {"text": [text], "spans": [np.array([[2, 6, 1], [8, 16, 0], [17, 18, 1]])]}, max_length=6, stride=1
    )
    assert answer["label"].tolist() == [[b"place", b"person", b"place"]]
    (row,) = one.readable(answer)
    for entity, wanted in zip(row["entities"], ["Rome", "New\u00a0York", "北"], strict=True):
        assert entity["entity"] == wanted == text[entity["start"] : entity["end"]]
        assert text.encode()[entity["byte_start"] : entity["byte_end"]].decode() == wanted
        assert entity["score"] == pytest.approx(1.0, abs=1e-6)
        assert set(entity) == {"entity", "label", "score", "start", "end", "byte_start", "byte_end"}


def test_places_of_words_count_in_the_words_joined():
    words = ["é", "New", "", "York,", "is"]
    one, answer = as_trained({"words": [words], "spans": [np.array([[1, 4, 1]])]}, words=True)
    (entity,) = one.readable(answer)[0]["entities"]
    assert entity["entity"] == "New  York," == " ".join(words)[entity["start"] : entity["end"]]
    assert (entity["word_start"], entity["word_end"], entity["byte_start"]) == (1, 4, 3)


def test_tags_are_those_that_bio_allows():
    scores = np.log(
        [[[0.3, 0.3, 0.4], [0.1, 0.1, 0.8], [0.2, 0.5, 0.3]], [[0.1, 0.8, 0.1], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]
    )
    pairs = bio_constraint(("O", "B-x", "I-x"))
    tags = best_tags(tf.constant(scores, tf.float32), tf.constant([3, 1]), pairs, pairs[0]).numpy()
    assert tags[0].tolist() == [1, 2, 1]
    assert tags[1, 0] == 1


@pytest.mark.parametrize("with_transitions", [False, True])
@pytest.mark.parametrize("given", ["text", "words"])
def test_answers_are_the_plain_decoders(given, with_transitions, data_dir):
    """Random scores of real tweets in many windows."""
    tokenizer = Tokenizer.from_file(data_dir("vocab/bert-base-uncased/vocab.txt"))
    rows = read(data_dir("ner/wnut17/emerging.test.annotated"), format="conll")
    rows = rows.select(range(0, 1_287, 9)).column("words")
    texts = [*([" ".join(row) for row in rows] if given == "text" else rows), "" if given == "text" else []]
    one = task(tokenizer, max_length=14, stride=5, words=given == "words", transitions=with_transitions)
    example = tensors({given: texts})
    features = one.features(example)
    random = np.random.default_rng(1)
    outputs = random.normal(size=(*features["token_ids"].shape, 5)).astype(np.float32) * 2
    outputs[..., 0] += 2
    if with_transitions:
        outputs = {"logits": outputs, "transitions": random.normal(size=(5, 5)).astype(np.float32)}
    wanted = entities_of(texts, LABELS, arrays(features), outputs)
    got = one.readable(arrays(one.answer(example, features, tf.nest.map_structure(tf.constant, outputs))))
    assert sum(map(len, wanted)) > 300
    assert max(entity[7] - entity[6] for row in wanted for entity in row) > 2
    names = ("label", "entity", "start", "end", "byte_start", "byte_end")
    for theirs, ours in zip(wanted, got, strict=True):
        assert [entity[:6] for entity in theirs] == [
            tuple(entity[name] for name in names) for entity in ours["entities"]
        ]
        for entity, own in zip(theirs, ours["entities"], strict=True):
            assert own["score"] == pytest.approx(entity[8], abs=1e-5)
            if given == "words":
                assert entity[6:8] == (own["word_start"], own["word_end"])


def test_a_checkpoints_own_order_of_tags():
    examples = {"text": ["New York is Rome"], "spans": [np.array([[0, 8, 1], [12, 16, 0]], np.int32)]}
    tags = ("I-place", "B-person", "O", "I-person", "B-place")
    one, answer = as_trained(examples, tags=tags)
    example = tensors(examples)
    assert one.target(example, one.features(example)).numpy().tolist() == [[-100, 4, 0, 2, 1, -100]]
    assert answer["label"].tolist() == [[b"place", b"person"]]
    assert one.hugging_face_config()["id2label"]["0"] == "I-place"


def test_bytes_between():
    got = texts_between(
        tf.constant(["Café au lait", "", "x"]),
        tf.constant([[0, 6], [-1, -1], [0, -1]]),
        tf.constant([[5, 8], [-1, -1], [1, -1]]),
    )
    assert got.numpy().tolist() == [["Café".encode(), b"au"], [b"", b""], [b"x", b""]]


def test_text_that_is_not_utf_8():
    one, raw = task(words=True), b"\xff Rome \xc3"
    for example in ({"text": tf.constant([raw])}, {"words": tf.constant([[b"\xff", b"Rome", b"\xc3"]])}):
        features = one.features(example)
        is_rome = tf.equal(features["token_ids"], 10)
        answer = arrays(one.answer(example, features, tf.one_hot(tf.where(is_rome, 1, 0), 5) * 20))
        assert answer["entity"].tolist() == [[b"Rome"]]
        start = int(answer["start"][0, 0])
        assert raw.decode("utf-8", "replace")[start : start + 4] == "Rome"
