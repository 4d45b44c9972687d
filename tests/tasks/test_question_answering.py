"""The five parts of the question answering task."""

import itertools
import pathlib
import random
import runpy

import numpy as np
import pytest
import question_answering_reference as reference
import tensorflow as tf
from absl import logging
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert import Tokenizer
from tfbert.data import Table
from tfbert.data.bad_rows import BadRows, usable
from tfbert.data.reading import read
from tfbert.errors import ConfigError, DataError
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.tasks.question_answering import metrics as scoring
from tfbert.tasks.question_answering.decoding import best_answers
from tfbert.tasks.question_answering.examples import located
from tfbert.tasks.question_answering.languages import LANGUAGES, chinese_segments, normalized, say_metric
from tfbert.tasks.question_answering.loss import SpanLoss
from tfbert.tasks.question_answering.task import QuestionAnswering
from tfbert.text import Vocabulary
from tfbert.text.cuts import parts_of

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "is", "old", "rome", "ann", "a", "the", "##s", "한", "가"]
TOKENIZER = Tokenizer(Vocabulary(WORDS))
SQUAD = "qa/squad_v1.1/dev-v1.1.json.gz"
CMRC = "qa/cmrc2018/dev.json.gz"


def table(**columns):
    return Table.from_columns(columns, source="train.jsonl")


def one(answers, context="is Ann, Ann", question="who"):
    return table(question=[question], context=[context], answers=[answers])


def task(**settings):
    return QuestionAnswering(TOKENIZER, **settings)


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: lines.append(text % values))
    return lines


# 1 example


def span(examples, i=0):
    return int(examples["answer_start"][i]), int(examples["answer_end"][i])


def test_answers_by_place_and_by_text(warnings):
    assert span(task().examples(one([{"text": "Ann", "answer_start": 8}]))) == (8, 11)
    assert span(task().examples(one("Ann"))) == (3, 6)
    assert span(task().examples(one(" Ann,\x00 ", context="is  Ann,\x00 "))) == (4, 8)  # what tokenizers drop
    assert span(task().examples(one([]))) == (-1, -1)
    assert task().examples(one("Ann"), labelled=False) == {"question": ["who"], "context": ["is Ann, Ann"]}
    assert not warnings


def test_the_first_answer_that_stands_in_the_context_is_learned(warnings):
    examples = task().examples(one([{"text": "Bob", "start": 0}, {"text": "Ann", "start": 3}]), training=True)
    assert span(examples) == (3, 6)
    assert examples["answers"] == [["Bob", "Ann"]]
    assert len(warnings) == 1 and "1 answers stand nowhere" in warnings[0]


@pytest.mark.parametrize(("start", "begin"), [(0, 3), (6, 8), (7, 8), (-1, 3), (99, 8), (None, 3), (5, 3), (3, 3)])
def test_the_nearest_place_of_a_text(start, begin):
    assert located({"text": "Ann", "start": start}, "is Ann, Ann") == (begin, begin + 3)


def test_faults_are_counted_in_one_line(warnings):
    rows = table(
        id=["a", "b", "c", "d"],
        question=["who"] * 4,
        context=["is Ann"] * 4,
        answers=[{"text": text, "answer_start": 0} for text in ("Ann", "Ann", "Bob", "is")],
    )
    assert len(task().examples(rows)["question"]) == 4
    assert warnings == [
        "train.jsonl: 2 answers do not stand at their start and are taken from the nearest place, first at "
        "train.jsonl, row 0",
        "train.jsonl: 1 answers stand nowhere in their context and cannot be found (the answer 'Bob' does not stand at "
        "its start 0 and is nowhere in its context of 6 characters), first at train.jsonl, row 2",
    ]
    examples = task().examples(rows, training=True)
    assert [len(column) for column in examples.values()] == [3] * 5
    assert examples["answer_start"].tolist() == [3, 3, 0]


def test_published_faults_are_survived(data_dir, warnings):
    path = data_dir("qa/cmrc2018/train.json.gz")
    assert len(task().examples(read(path), training=True)["question"]) == 10_142
    assert len(task().examples(read(data_dir(CMRC)))["question"]) == 3_219
    of_train, *of_dev = (line.split(": ", 1)[1] for line in warnings)
    assert of_train.startswith("21 answers do not stand at their start")
    assert of_dev[0].startswith("7 answers do not stand") and of_dev[1].startswith("193 answers stand nowhere")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (one("Bob"), "train.jsonl, row 0: the answer 'Bob' is nowhere in its context of 11 characters"),
        (one([{"text": "Bob", "start": 50}]), "row 0: the answer 'Bob' does not stand at its start 50 and is nowhere"),
        (one([{"text": "Bob", "start": -1}]), "does not stand at its start -1 and is nowhere"),
        (one([]), "row 0: no answer; give the setting unanswerable=True"),
        (one([{"text": "Bob", "start": 1}]), "train.jsonl: no question has an answer in its context; nothing"),
        (one(3), "row 0: an answer is a text"),
        (table(question=["who"], answers=["a"]), "no column 'context'"),
        (table(question=["who"], context=[None], answers=["a"]), "column 'context' holds null, not a text"),
        (table(question=["who"], context=["a"]), "no column 'answers'"),
        (table(question=[], context=[], answers=[]), "train.jsonl has no rows"),
    ],
)
def test_faults_in_training(rows, message, warnings):
    with pytest.raises(DataError, match=message):
        task().examples(rows, training=True)


def test_settings_of_a_table(data_dir):
    assert task().settings_for(one("Ann")) == {"unanswerable": False}
    assert task().settings_for(one(None, context="他是老安 Ann。")) == {"unanswerable": True}
    given = {"unanswerable": False, "language": "zh", "columns": {"context": "text"}}
    assert task().settings_for(one(None), **given) == given
    with pytest.raises(ConfigError, match="no setting 'strides'; did you mean 'stride'"):
        task().settings_for(one("Ann"), strides=3)
    assert task().settings_for(read(data_dir(CMRC))) == {"unanswerable": False}
    renamed = task(columns={"question": "q", "context": "text", "answers": "a"})
    assert span(renamed.examples(table(q=["who"], text=["is Ann"], a=["Ann"]))) == (3, 6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_best": 0}, "n_best must be positive, not 0"),
        ({"answer_length": 0}, "answer_length must be positive"),
        ({"language": "de"}, "language 'de' is not one of auto, en, zh, ko, "),
        ({"max_length": 128, "stride": 128}, "stride 128 and max_question_length 0 leave a window of max_length 128"),
        ({"max_length": 128, "max_question_length": 90}, "stride 42 and max_question_length 90 leave"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ConfigError, match=message):
        task(**settings)


@pytest.mark.parametrize(("true", "false"), [("True", "false"), ("1", "0"), (1, 0), (True, None), ("yes", "no")])
def test_impossible_rows_of_a_table(true, false, caplog):
    rows = table(
        question=["who"] * 3,
        context=["is Ann"] * 3,
        answers=["Ann", "Ann", None],
        is_impossible=[false, true, true],
    )
    assert task().settings_for(rows) == {"unanswerable": True}
    assert not caplog.messages
    assert task(unanswerable=True).examples(rows, training=True)["answers"] == [["Ann"], [], []]
    assert caplog.messages == [
        "train.jsonl: 1 questions are impossible and have answers, which are left out, first at train.jsonl, row 1"
    ]


def test_impossible_rows_need_no_answers(tmp_path):
    lines = [
        '{"question": "who", "context": "is Ann", "answers": "Ann", "is_impossible": "false"}',
        '{"question": "who", "context": "is Ann", "plausible_answers": ["is"], "is_impossible": "true"}',
    ]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    assert task(unanswerable=True).examples(read(tmp_path / "train.jsonl"))["answers"] == [["Ann"], []]
    (tmp_path / "train.jsonl").write_text("\n".join([*lines, '{"question": "q", "context": "c", "is_impossible": 0}']))
    skipping = read(tmp_path / "train.jsonl", bad_rows="skip")
    examples, used = usable(skipping, task(unanswerable=True).examples)
    assert len(used) == 2 and skipping.bad_rows.counts() == {"no 'answers'": 1}


CELLS = st.sampled_from(
    ["Ann", "Bob", {"text": "Bob", "start": 99}, {"text": "is", "start": 0}, 3, None, [], ["Ann", "x"]]
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(CELLS, st.sampled_from([True, False, "no", "perhaps"])), min_size=1, max_size=20), st.booleans()
)
def test_rows_in_are_rows_out_and_rows_counted(rows, training):
    cells, impossible = zip(*rows, strict=True)
    size = len(rows)
    columns = {"question": [str(i) for i in range(size)], "context": ["is Ann"] * size}
    columns |= {"answers": list(cells), "is_impossible": list(impossible)}
    some, bad = Table(columns, source="made up", bad_rows=BadRows("skip")), task(unanswerable=True)
    try:
        examples, used = usable(some, lambda part: bad.examples(part, training=training))
    except DataError as error:
        assert any(text in str(error) for text in ("nothing can be learned", "none of its"))
        return
    assert len(examples["question"]) == len(examples["answers"]) == len(used)
    assert len(used) + len(some.bad_rows) == size
    refused = {3, "Bob", "far"} if training else {3}
    for i, (cell, none) in enumerate(rows):
        name = "far" if isinstance(cell, dict) and cell["start"] == 99 else cell
        is_bad = none == "perhaps" or cell == 3 or none is not True and isinstance(name, str) and name in refused
        assert (str(i) not in examples["question"]) == is_bad


# 2 features


def tensors(rows):
    return {
        name: tf.ragged.constant(column, dtype=tf.string) if name == "answers" else tf.constant(column)
        for name, column in rows.items()
    }


def features_of(task, rows):
    example = tensors(rows)
    features = task.features(example)
    return example, features, {name: value.numpy() for name, value in features.items()}


def test_a_target_in_each_window_that_holds_all_of_the_answer():
    small = task(max_length=9, stride=3, max_question_length=1)  # 5 tokens of the context in a window
    rows = small.examples(one([{"text": "rome ann", "start": 14}], context="a a a a old a rome ann a the a"))
    example, features, arrays = features_of(small, rows)
    assert arrays["token_ids"].shape[0] == 4
    # [CLS] who [SEP] and five of: a a a a old a rome ann a the a, from 0, 2, 4 and 6
    assert small.target(example, features).numpy().tolist() == [[0, 0], [0, 0], [5, 6], [3, 4]]
    long = small.examples(one([{"text": "a old a rome ann a", "start": 6}], context="a a a a old a rome ann a the a"))
    assert small.target(*features_of(small, long)[:2]).numpy().tolist() == [[0, 0]] * 4
    none = small.examples(one([], context="a a a"))
    assert small.target(*features_of(small, none)[:2]).numpy().tolist() == [[0, 0]]


@pytest.fixture(scope="module")
def real(data_dir):
    """A task with a real vocabulary and short windows, its examples, and random logits."""

    def make(path, vocabulary, rows, **settings):
        tokenizer = Tokenizer(Vocabulary.from_file(data_dir(f"vocab/bert-base-{vocabulary}/vocab.txt")))
        some = QuestionAnswering(tokenizer, **{"max_length": 96, "stride": 32, **settings})
        data = read(data_dir(path))
        examples = some.examples(data.select(range(0, len(data), len(data) // rows)))
        example, features, arrays = features_of(some, examples)
        shape = (*arrays["token_ids"].shape, 2)
        logits = np.random.default_rng(0).normal(0, 3, shape).astype(np.float32)
        logits[arrays["padding_mask"] == 0] = -1e9
        return some, examples, example, features, arrays, logits

    return make


@pytest.mark.parametrize(("path", "vocabulary"), [(SQUAD, "uncased"), (CMRC, "chinese")])
def test_targets_of_real_data(real, path, vocabulary):
    """Against the tokens of the whole context: those that the answer touches, where a window has all of them."""
    some, examples, example, features, arrays, _ = real(path, vocabulary, 40)
    target = some.target(example, features).numpy()
    of_context = some.tokenizer.tokenize(examples["context"], offsets=True)["character_offsets"]
    of_context = [tokens.numpy() for tokens in of_context]
    held = set()
    for w, row in enumerate(arrays["rows"]):
        begin, end = examples["answer_start"][row], examples["answer_end"][row]
        tokens = of_context[row]
        answer = [i for i, (first, after) in enumerate(tokens) if first < end and after > begin]
        in_window = [s for s in np.flatnonzero(arrays["segment_ids"][w]) if arrays["character_offsets"][w, s, 1]]
        here = arrays["character_offsets"][w, in_window].tolist()
        at = tokens.tolist().index(here[0])
        assert tokens[at : at + len(here)].tolist() == here
        wanted = [0, 0]
        if begin >= 0 and at <= answer[0] and answer[-1] < at + len(here):
            wanted = [in_window[answer[0] - at], in_window[answer[-1] - at]]
            held.add(row)
        assert target[w].tolist() == wanted
    assert len(held) > 0.9 * len(examples["question"])
    assert (target == 0).all(1).any()


# 4 loss and metrics


def test_loss():
    logits = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
    truth = np.array([[0, 0], [1, 4], [2, 2]], np.int32)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wanted = np.mean([-np.log(chances[w, truth[w, e], e]) for w in range(3) for e in range(2)])
    np.testing.assert_allclose(SpanLoss()(truth, logits), wanted, rtol=1e-6)


def predictions(golds, contexts, seed=0):
    """Right answers, parts of them, other text and nothing."""
    generator, made = random.Random(seed), []
    for gold, context in zip(golds, contexts, strict=True):
        right = generator.choice(gold) if gold else context[:12]
        begin = generator.randrange(max(1, len(context) - 30))
        other = context[begin : begin + generator.randrange(1, 30)]
        kinds = (right, right.upper() + ".", right[: len(right) // 2], right + " " + other, other, "the", "")
        made.append(generator.choice(kinds))
    return made


@pytest.mark.parametrize("unanswerable", [False, True])
def test_metrics_equal_squads_script(data_dir, unanswerable):
    rows = read(data_dir("qa/squad_v2.0/dev-v2.0.rebuilt.json.gz" if unanswerable else SQUAD)).select(slice(0, 6000, 3))
    golds = [[answer["text"] for answer in row] for row in rows.column("answers")] + [["The"], ["a", "rome"]]
    predicted = predictions(golds[:-2], rows.column("context")) + ["an", ""]
    got = scoring.metrics(golds, predicted, unanswerable=unanswerable)
    if unanswerable:
        exact, f1 = (np.array(values) for values in reference.version_2(golds, predicted))
        has_answer = np.array([bool(gold) for gold in golds])
        assert got["has_answer_f1"] == pytest.approx(f1[has_answer].mean())
        assert got["no_answer_f1"] == pytest.approx(f1[~has_answer].mean())
        exact, f1 = exact.mean(), f1.mean()
    else:
        exact, f1 = reference.version_1(golds, predicted)
        assert list(got) == ["f1", "exact_match"]
    assert (got["f1"], got["exact_match"]) == pytest.approx((f1, exact))
    assert 0.2 < got["exact_match"] < got["f1"] < 0.8


def test_metrics_equal_cmrcs_script(data_dir):
    def word_tokenize(text):  # the rules of NLTK's that matter between Chinese characters
        for mark in ';@#$%&?!"()[]{}<>':
            text = text.replace(mark, f" {mark} ")
        parts = [part for word in text.split() for part in split_commas(word)]
        if parts and parts[-1].endswith(".") and len(parts[-1]) > 1:
            parts[-1:] = [parts[-1][:-1], "."]
        return parts

    def split_commas(word):
        for i, (mark, following) in enumerate(itertools.pairwise(word + " ")):
            if mark == "," and not following.isdigit():
                return [part for part in (word[:i], ",", *split_commas(word[i + 1 :])) if part]
        return [word] if word else []

    rows = read(data_dir(CMRC))
    keep = [i for i, row in enumerate(rows.column("answers")) if not any(m in a["text"] for a in row for m in "'–—…")]
    rows = rows.select(keep[::3])
    golds = [[answer["text"] for answer in row] for row in rows.column("answers")]
    predicted = predictions(golds, rows.column("context"))
    predicted = ["".join(c for c in text if c not in "'–—….«»") for text in predicted]
    got = scoring.metrics(golds, predicted, language="zh")
    exact, f1 = reference.cmrc(golds, predicted, word_tokenize)
    assert (got["f1"], got["exact_match"]) == pytest.approx((f1, exact))
    assert 0.2 < exact < f1 < 0.8


@pytest.mark.parametrize(
    ("language", "gold", "near", "f1"),
    [
        ("ja", "東京タワー", "東京タワーの", 10 / 11),
        ("th", "กรุงเทพ", "กรุงเทพมหานคร", 14 / 20),  # characters, vowels too
        ("ko", "서울특별시", "서울특별시에", 10 / 11),
        ("lo", "ວຽງຈັນ", "ນະຄອນວຽງຈັນ", 2 * 6 / 17),
        ("km", "ភ្នំពេញ", "ទីក្រុងភ្នំពេញ", 2 * 7 / 21),
        ("my", "ရန်ကုန်", "ရန်ကုန်မြို့", 2 * 7 / 19),
    ],
)
def test_a_near_hit_in_a_script_without_spaces(language, gold, near, f1, caplog):
    """Between spaces these are one word each, and nothing in common."""
    assert scoring.f1(gold, near) == 0.0
    say_metric.cache_clear()
    caplog.set_level("INFO", logger="absl")
    examples = {"answers": [[gold]], "context": [f"{near} 1889 {gold}" * 3], "question": ["?"]}
    values = task().metrics(examples, {"answer": np.array([near.encode()])})
    assert values == {"f1": pytest.approx(f1), "exact_match": 0.0}
    assert f"language={language}, found in the contexts: answers are scored by " in caplog.text
    assert task(language="en").metrics(examples, {"answer": np.array([near.encode()])})["f1"] == 0.0  # XQuAD's own
    assert scoring.exact_match(f"「{gold}」", gold, "mixed") == 1.0


def test_data_of_several_languages():
    """English answers score as SQuAD's beside others by their characters."""
    contexts = ["Rome is the old city.", "東京タワーは赤い", "กรุงเทพมหานคร"]
    assert task().scoring({"context": contexts})["language"] == "mixed"
    assert task().scoring({"context": ["Rome is old"] * 20 + contexts[1:2]})["language"] == "en"
    assert task().scoring({"context": ["", "1889"]})["language"] == "en"
    assert task().scoring({"context": ["a"] * 1190 + ["กรุง"] * 1190})["language"] == "mixed"
    for gold, near in (("the Denver Broncos", "Denver Broncos!"), ("24 to 10", "24 – 10"), ("a", "")):
        assert scoring.f1(gold, near, "mixed") == scoring.f1(gold.replace("–", ""), near.replace("–", ""))


def test_languages_of_published_data(data_dir):
    for path, language in ((SQUAD, "en"), (CMRC, "zh")):
        assert task().scoring({"context": read(data_dir(path)).column("context")})["language"] == language


@pytest.mark.parametrize(
    ("language", "gold", "given", "f1", "exact"),
    [
        # MLQA's articles and all of Unicode's punctuation
        ("mlqa-en", "the Rome", "“Rome”", 1, 1),
        ("mlqa-de", "der Rhein", "Rhein", 1, 1),
        ("mlqa-de", "der alte Rhein", "Rhein", 2 / 3, 0),
        ("mlqa-es", "¿La Paz?", "una paz", 1, 1),
        ("mlqa-vi", "những của Hà Nội", "Hà Nội", 1, 1),
        ("mlqa-ar", "القاهرة", "قاهرة", 1, 1),
        ("mlqa-hi", "नई दिल्ली।", "नई दिल्ली", 1, 1),
        ("mlqa-zh", "北京abc市", "京市 北", 2 * 3 / 7, 0),
        ("mlqa-zh", "北 京。", "北京", 1, 1),
        # KorQuAD: marks are spaces, and F1 is of characters
        ("ko", "《서울》 시", "서울시", 1, 0),
        ("ko", "3,500만 명", "3500만", 10 / 11, 0),
        # SQuAD's, which XQuAD takes for all its languages
        ("en", "der Rhein", "Rhein", 2 / 3, 0),
    ],
)
def test_metrics_of_other_scripts_by_hand(language, gold, given, f1, exact):
    assert scoring.f1(gold, given, language) == pytest.approx(f1)
    assert scoring.exact_match(gold, given, language) == exact
    assert scoring.f1(gold, gold, language) == scoring.exact_match(gold, gold, language) == 1


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_answer_in_any_language(language):
    golds, predicted = [[], ["x"], []], ["", "", "x"]
    got = scoring.metrics(golds, predicted, language=language, unanswerable=True)
    assert got["f1"] == got["exact_match"] == pytest.approx(1 / 3)
    assert got["no_answer_f1"] == 0.5


@pytest.mark.parametrize(
    ("text", "segments"),  # as NLTK 3.10's, but for its names of quotes
    [
        ("在1,200米，约3.5%", ["在", "1,200", "米", "约", "3.5", "%"]),
        ("u.s. women's team.", ["u.s.", "women", "'s", "team", "."]),
        ('名为"Store First"…', ["名", "为", '"', "store", "first", '"', "…"]),
        ("1936–37赛季", ["1936", "–", "37", "赛", "季"]),
        ("a.中b,c(d)", ["a", ".", "中", "b", ",", "c", "(", "d", ")"]),
        ("X-Men：ω_force", ["xmenωforce"]),
    ],
)
def test_chinese_segments(text, segments):
    assert chinese_segments(text) == segments


def test_no_rows_of_a_kind_have_no_metric():
    assert np.isnan(scoring.metrics([["a"]], ["a"], unanswerable=True)["no_answer_f1"])


def test_best_threshold_is_the_official_one(data_dir):
    rows = read(data_dir("qa/squad_v2.0/dev-v2.0.rebuilt.json.gz")).select(slice(0, 6000, 3))
    golds = [[answer["text"] for answer in row] for row in rows.column("answers")]
    # The script takes a lone article for a wrong answer to what has none, but scores it as right.
    spans = [text if normalized(text) else "x" for text in predictions(golds, rows.column("context"))]
    has_answer = np.array([bool(gold) for gold in golds])
    differences = np.random.default_rng(0).normal(np.where(has_answer, -1.0, 1.0), 1.5)
    best, _ = reference.find_best_thresh(spans, reference.version_2(golds, spans)[1], differences, has_answer)
    chosen = scoring.best_threshold(golds, spans, differences)
    answered = [text if difference <= chosen else "" for text, difference in zip(spans, differences, strict=True)]
    assert scoring.metrics(golds, answered, unanswerable=True)["f1"] == pytest.approx(best)
    assert best > max(scoring.metrics(golds, some, unanswerable=True)["f1"] for some in (spans, [""] * len(golds)))


def test_best_threshold_at_the_ends():
    assert scoring.best_threshold([[], []], ["ann", "bob"], [1.0, 2.0]) < 1.0  # nothing is answered
    assert scoring.best_threshold([["ann"], ["bob"]], ["ann", "bob"], [1.0, 2.0]) >= 2.0  # everything
    assert 1.0 <= scoring.best_threshold([["ann"], []], ["ann", "bob"], [1.0, 1e9]) <= 2.0
    same = scoring.best_threshold([["ann"], [], ["joe"]], ["ann", "bob", "joe"], [1.0, 1.0, 1.0])
    assert same >= 1.0  # all or none: two right answers against one


# 5 answer


@pytest.mark.parametrize(("path", "vocabulary"), [(SQUAD, "uncased"), (CMRC, "chinese")])
def test_answers_equal_the_slow_decoder(real, path, vocabulary):
    some, examples, example, features, arrays, logits = real(path, vocabulary, 20, n_best=8, answer_length=12)
    best = best_answers(example["context"], features, logits, n_best=8, answer_length=12)
    best["answers"] = parts_of(tf.constant(example["context"]), best["byte_start"], best["byte_end"])
    best = {name: value.numpy() for name, value in best.items()}
    for row, context in enumerate(examples["context"]):
        windows = np.flatnonzero(arrays["rows"] == row)
        spans, null_score = reference.decoded(context, arrays, logits, windows, 8, 12)
        assert best["null_score"][row] == pytest.approx(null_score)
        count = (best["byte_start"][row] >= 0).sum()
        got = [
            (*(int(best[name][row, k]) for name in ("byte_start", "byte_end", "start", "end")),
             best["answers"][row, k].decode())
            for k in range(count)
        ]  # fmt: skip
        assert got == [span[1:] for span in spans]
        np.testing.assert_allclose(best["span_scores"][row, :count], [span[0] for span in spans], rtol=1e-6)
        assert all(context[start:end] == text for _, _, start, end, text in got)
        assert (best["answers"][row, count:] == b"").all()
    assert arrays["rows"].size > 30


def logits_for(features, **peaks):
    """Logits of 0 with peaks {token: (first, last)} in the only window."""
    logits = np.zeros((*features["token_ids"].shape, 2), np.float32)
    for token, values in peaks.items():
        logits[0, int(token[1:])] = values
    return tf.constant(logits)


def answered(task, context, question="who", **peaks):
    example = {"question": tf.constant([question]), "context": tf.constant([context])}
    features = task.features(example)
    answer = task.answer(example, features, logits_for(features, **peaks))
    return task.readable({name: value.numpy() for name, value in answer.items()})[0]


def test_answers_are_the_callers_own_text():
    answer = answered(task(n_best=2), "Ćé\u200b ROME,  Ánn!", t4=(5, 0), t6=(0, 6))  # [CLS] who [SEP] ćé ROME , Ann !
    assert (answer["answer"], answer["start"], answer["end"]) == ("ROME,  Ánn", 4, 14)
    assert len(answer["answers"]) == 2
    assert answer["score"] == answer["answers"][0]["score"] > answer["answers"][1]["score"]


def test_the_end_is_not_before_the_start_and_the_answer_not_too_long():
    assert answered(task(), "rome is old", t5=(9, 0), t3=(0, 9))["answer"] in ("rome", "old", "rome is", "is old")
    peaks = {"t3": (9, 0), "t5": (0, 9)}
    assert answered(task(answer_length=3), "rome is old", **peaks)["answer"] == "rome is old"
    assert answered(task(answer_length=2), "rome is old", **peaks)["answer"] != "rome is old"
    assert answered(task(), "rome", t0=(9, 9), t1=(9, 9), t2=(9, 9), t4=(9, 9))["answer"] == "rome"  # context alone


def test_no_answer_beyond_the_threshold():
    peaks = {"t0": (2, 2), "t3": (1, 1)}  # null 4, best span 2
    assert answered(task(), "rome is", **peaks)["answer"] == "rome"
    answer = answered(task(unanswerable=True), "rome is", **peaks)
    chances = np.exp([2, 1, 0, 4])  # rome, rome is, is, none
    assert (answer["answer"], answer["start"], answer["end"]) == ("", None, None)
    assert answer["score"] == pytest.approx(chances[3] / chances.sum())
    assert [span["answer"] for span in answer["answers"]] == ["rome", "rome is", "is"]
    assert answer["answers"][0]["score"] == pytest.approx(chances[0] / chances.sum())
    for threshold, text in ((1.9, ""), (2.0, "rome")):
        assert answered(task(unanswerable=True, threshold=threshold), "rome is", **peaks)["answer"] == text


def test_spans_of_the_same_bytes_appear_once():
    hangul = task(n_best=30)
    ids = hangul.tokenizer.tokenize(["한국 rome"]).to_list()[0]
    answer = answered(hangul, "한국 rome")
    places = [(span["start"], span["end"]) for span in answer["answers"]]
    assert len(places) == len(set(places))
    assert len(ids) >= 2


def test_contexts_without_tokens_have_no_answer():
    for some in (task(), task(unanswerable=True, threshold=5.0)):
        for context in ("", "  \u200b\n", "\x00"):
            answer = answered(some, context)
            assert (answer["answer"], answer["start"], answer["answers"]) == ("", None, [])
            assert answer["score"] == (1.0 if some.unanswerable else 0.0)


def test_evaluation_for_the_report():
    examples = {"question": ["who", "who"], "context": ["is Ann", "is old"], "answers": [["Ann", "Ann"], []]}
    answers = {"answer": np.array([b"Ann is", b""], object), "score": np.array([0.5, 0.25], np.float32)}
    shown = task(unanswerable=True).evaluation(examples, answers, token_lengths=[5, 5], data="dev.json")
    assert (shown.texts[0], shown.truth, shown.predicted) == (
        "who\nis Ann",
        ["Ann", "(no answer)"],
        ["Ann is", "(no answer)"],
    )
    np.testing.assert_allclose(shown.quality, [2 / 3, 1.0])
    assert list(shown.metrics) == ["f1", "exact_match", "has_answer_f1", "no_answer_f1"]


@pytest.mark.parametrize("name", ["squad1", "squad2", "cmrc2018"])
def test_configs(name):
    path = pathlib.Path(__file__).resolve().parents[2] / f"configs/{name}.py"
    config = FinetuneConfig.from_dict(runpy.run_path(str(path))["get_config"]().to_dict())
    some = task(max_length=config.max_length, **config.settings)
    assert (config.task, some.shared_tokens, some.unanswerable) == ("question_answering", 128, name == "squad2")
