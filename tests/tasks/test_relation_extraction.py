"""The five parts of relation extraction."""

import collections
import importlib.util
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert import Tokenizer, data
from tfbert.data import Table
from tfbert.data.bad_rows import BadRows, usable
from tfbert.errors import ConfigError, DataError, RowError
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.tasks.relation_extraction.task import RelationExtraction
from tfbert.text import AddedToken, Vocabulary

MARKERS = [f"[unused{i}]" for i in range(4)]
WORDS = "a b c d e f g h".split()
VOCABULARY = Vocabulary(["[PAD]", *MARKERS, "[UNK]", "[CLS]", "[SEP]", *WORDS])
TOKENIZER = Tokenizer(VOCABULARY)
LABELS = ("Other", "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Message-Topic(e1,e2)")
GOOD = "a <e1>b</e1> c <e2>d</e2> e"


def table(**columns):
    return Table.from_columns(columns, source="train.tsv")


def task(tokenizer=TOKENIZER, **settings):
    return RelationExtraction(tokenizer, **{"labels": LABELS, **settings})


# 1 example


def test_marked_texts_and_spans():
    rows = table(text=[GOOD, GOOD], label=["Other", "Cause-Effect(e2,e1)"])
    examples = task().examples(rows, training=True)
    assert (examples["text"], examples["label"].tolist()) == ([GOOD, GOOD], [0, 2])
    spans = {"head": [[0, 1], "[2, 3]"], "tail": [(2, 3), np.array([0, 1])]}
    for names in (("head", "tail"), ("e1", "e2"), ("subject", "object"), ("from", "to")):
        columns = dict(zip(names, spans.values(), strict=True))
        mapping = {"head": "from", "tail": "to"} if names[0] == "from" else {}
        given = table(sentence=["a b", "a b"], label=["Other", LABELS[1]], **columns)
        examples = task(columns=mapping).examples(given, training=True)
        assert (examples["head"], examples["tail"]) == ([(0, 1), (2, 3)], [(2, 3), (0, 1)])
    json.dumps(task().examples(given, labelled=False))  # `tfbert predict` writes them beside its answers
    alone = table(text=[GOOD, GOOD], subject=["an e-mail's", "one"], label=["Other", LABELS[1]])
    assert set(task().examples(alone, training=True)) == {"text", "label"}


def test_settings_from_a_table():
    settings = RelationExtraction.settings_for(table(text=[GOOD] * 2, label=["b(e1,e2)", "a"]), max_length=9)
    assert settings == {"labels": ("a", "b(e1,e2)"), "max_length": 9}
    assert RelationExtraction.settings_for(table(text=[GOOD]), labels=["x", "y"])["labels"] == ("x", "y")
    with pytest.raises(ConfigError, match="no setting 'marker'; did you mean 'markers'"):
        RelationExtraction.settings_for(table(text=[GOOD], label=["a"]), marker=())


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a b <e2>c</e2>"]}, "train.tsv, row 1: the text lacks <e1>"),
        ({"text": [GOOD + "<e1>"]}, "row 1: the text has 2 times <e1>"),
        ({"text": ["</e1>a <e1> <e2>b</e2>"]}, "row 1: the text closes <e1> before it opens it"),
        ({"text": ["<e1> </e1> <e2>b</e2>"]}, "row 1: the entity <e1> is empty"),
        ({"text": ["<e1>a <e2>b</e1> c</e2>"]}, "row 1: <e1> and <e2> overlap"),
        ({"text": ["a b"], "head": [[0, 1]]}, "no column 'tail'"),
        ({"text": ["a b"], "head": [[0, 4]], "tail": [[2, 3]]}, r"row 1: head \[0, 4\] is no span of its text of 3"),
        ({"text": ["a b"], "head": [[0, 1]], "tail": [[-1, 3]]}, r"row 1: tail \[-1, 3\] is no span"),
        ({"text": ["a b"], "head": [[1, 2]], "tail": [[2, 3]]}, "row 1: the entity head is empty"),
        ({"text": ["a b"], "head": [[0, 2]], "tail": [[1, 3]]}, r"row 1: head \[0, 2\] and tail \[1, 3\] overlap"),
        ({"text": ["a b"], "head": ["here"], "tail": [[1, 3]]}, r"row 1: 'head' is 'here'; it must be \[start, end\]"),
        ({"text": ["a b"], "head": [[0]], "tail": [[1, 3]]}, "row 1: 'head' is"),
        ({"text": ["a b"], "head": [[0, 2**40]], "tail": [[1, 3]]}, "row 1: 'head' is"),
        ({"text": [GOOD], "label": ["Cause-Effect"]}, "row 1: unknown label 'Cause-Effect'.*did you mean"),
        ({"text": [GOOD], "label": ["Other"]}, "'Other' in every row"),
    ],
)
def test_a_bad_row(columns, message):
    good = {"text": GOOD, "head": [0, 1], "tail": [2, 3], "label": "Other"}
    if "head" in columns:
        good["text"] = "a b"
    columns = {name: [good[name], *values] for name, values in {"label": [LABELS[1]], **columns}.items()}
    with pytest.raises(DataError, match=message):
        task().examples(table(**columns), training=True)


def test_marks_of_chemprot():
    texts = ["<< audits >> were about [[ waste ]].", "[[Rome]] and << Ada >>", GOOD]
    rows = table(text=texts, label=["Other", LABELS[1], LABELS[2]])
    wanted = ["<e1>audits</e1> were about <e2>waste</e2>.", "<e2>Rome</e2> and <e1>Ada</e1>", GOOD]
    assert task().examples(rows, training=True)["text"] == wanted
    assert task().examples(rows, labelled=False)["text"] == wanted
    with pytest.raises(RowError, match="row 0: the text lacks <e1>; .*or << … >> and"):
        task().examples(table(text=["<< a >> b << c >> [[ d ]]"], label=["Other"]))


TACRED = {
    "token": [["Ada", "saw", "New", "York"], ["Rome"] * 3],
    "subj_start": [0, 2],
    "subj_end": [0, 2],
    "obj_start": [2, 0],
    "obj_end": [3, 1],
    "relation": ["Other", LABELS[1]],
}


@pytest.mark.parametrize(
    "columns",
    [
        TACRED,
        {
            "token": TACRED["token"],
            "h": [{"name": "Ada", "pos": [0, 1]}, {"name": "Rome", "pos": [2, 3]}],
            "t": [{"name": "New York", "pos": [2, 4]}, {"name": "Rome Rome", "pos": [0, 2]}],
            "relation": TACRED["relation"],
        },
        {
            "text": ["Ada saw New York", "Rome Rome Rome"],
            "h": [{"name": "Ada", "pos": [0, 3]}, {"name": "Rome", "pos": [10, 14]}],
            "t": [{"name": "New York", "pos": [8, 16]}, {"name": "Rome Rome", "pos": [0, 9]}],
            "relation": TACRED["relation"],
        },
    ],
    ids=["tacred", "opennre of tokens", "opennre of texts"],
)
def test_published_shapes(columns):
    rows = table(**columns)
    assert RelationExtraction.settings_for(rows)["labels"] == (LABELS[1], "Other")
    examples = task().examples(rows, training=True)
    assert examples["text"] == ["Ada saw New York", "Rome Rome Rome"]
    assert (examples["head"], examples["tail"]) == ([(0, 3), (10, 14)], [(8, 16), (0, 9)])
    assert examples["label"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subj_end": None}, "no column 'subj_end'"),
        ({"subj_end": [4, 2]}, "row 0: subj from 0 to 4 .the end inclusive. is none of its 4 tokens"),
        ({"obj_end": [1, 1]}, "row 0: obj from 2 to 1"),
        ({"token": ["Ada", "Rome"]}, "row 0: the tokens must be a list of texts, not 'Ada'"),
    ],
)
def test_what_is_nearly_tacred(changes, message):
    columns = {name: values for name, values in {**TACRED, **changes}.items() if values is not None}
    with pytest.raises(DataError, match=message):
        task().examples(table(**columns))


def test_what_is_nearly_opennre():
    fewrel = {"tokens": [["Ada", "saw", "Rome"]], "h": [["ada", "Q1", [[0]]]], "t": [["rome", "Q2", [[2]]]]}
    with pytest.raises(DataError, match="row 0: 'h' and 't' are lists, as FewRel has them; OpenNRE's rows are read"):
        task().examples(table(**fewrel, relation=["Other"]))
    with pytest.raises(RowError, match="row 0: 'h' and 't' hold"):
        task().examples(table(text=["a b"], h=[{"pos": 1}], t=[{"pos": [2, 3]}], relation=["Other"]))


def test_entities_inside_words_are_counted(caplog):
    rows = table(text=["abc de fgh", "ab cd"], head=[[0, 2], [0, 1]], tail=[[7, 9], [3, 4]], label=["Other", LABELS[1]])
    task().examples(rows)
    assert caplog.messages == [
        "train.tsv: 4 entities begin or end inside a word (ends look inclusive: with one more each, 4 of 4 spans end "
        "with a word), first at train.tsv, row 0"
    ]
    caplog.clear()
    task().examples(table(text=["abc de fgh"], head=[[0, 3]], tail=[[7, 9]], label=["Other"]))
    assert caplog.messages == ["train.tsv: 1 entities begin or end inside a word, first at train.tsv, row 0"]
    caplog.clear()
    task().examples(table(text=["abc de fgh"], head=[[0, 1]], tail=[[2, 3]], label=["Other"]))
    assert "they look counted in words: so 2 of 2 spans fit" in caplog.text


def test_a_label_that_training_never_had_is_scored_as_wrong(caplog):
    rows = table(text=[GOOD] * 4, label=[LABELS[1], "Message-Topic(e2,e1)", "Part-Whole(e1,e2)", "Other"])
    examples = task().examples(rows)
    assert examples["label"].tolist() == [1, -3, -5, 0]
    assert "2 rows have a label that the model does not know" in caplog.text
    target = task().target({"label": tf.constant(examples["label"])}, {})
    loss = task().loss()(target, tf.constant(np.random.default_rng(0).normal(size=(4, 4)), tf.float32))
    assert np.isfinite(float(loss))
    answers = {"probabilities": np.eye(4)[[1, 3, 1, 0]]}
    assert task().metrics(examples, answers)["accuracy"] == 0.5
    evaluation = task().evaluation(examples, answers, token_lengths=np.full(4, 9), data="dev.tsv")
    assert evaluation.truth.tolist() == [1, -1, -1, 0]
    with pytest.raises(RowError, match="unknown label"):
        task().examples(rows, training=True)


FAULTS = {
    "an empty entity": ("<e1> </e1> <e2>b</e2>", "Other"),
    "an entity that is not marked once": ("a <e2>b</e2>", "Other"),
    "entities that overlap": ("<e1>a <e2>b</e1> c</e2>", "Other"),
    "an unknown label": (GOOD, "Part-Whole"),
    "good": (GOOD, "Other"),
    "better": (GOOD, LABELS[1]),
}


@settings(deadline=None, max_examples=40)  # tokenizers take their time at first
@given(st.lists(st.sampled_from(list(FAULTS)), min_size=1, max_size=30))
def test_rows_in_are_rows_out_and_rows_counted(kinds):
    kinds = [*kinds, "good", "better"]
    rows = table(text=[FAULTS[kind][0] for kind in kinds], label=[FAULTS[kind][1] for kind in kinds])
    rows.bad_rows = BadRows("skip")
    examples, used = usable(rows, lambda some: task().examples(some, training=True))
    bad = [kind for kind in kinds if kind not in ("good", "better")]
    assert len(used) == len(examples["text"]) == len(kinds) - len(bad)
    assert rows.bad_rows.counts() == {kind: bad.count(kind) for kind in bad}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": ("a",)}, "at least two labels"),
        ({"labels": ("a", "a")}, "occurs twice"),
        ({"max_length": 7}, "max_length 7 leaves no room"),
        ({"markers": ("a", "b", "c")}, "four different tokens"),
        ({"markers": ("a", "b", "c", "c")}, "four different tokens"),
        ({"markers": ("a", "b", "c", "x")}, "the marker 'x' is not in the vocabulary"),
        ({"markers": ("a", "b", "c", "[SEP]")}, r"the marker '\[SEP\]' is a special token"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        task(**settings)


@pytest.mark.parametrize(
    "tokenizer",
    [
        Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"])),
        Tokenizer(VOCABULARY, added_tokens=[AddedToken("[unused2]")]),  # which texts can spell
    ],
)
def test_markers_are_added_where_no_four_tokens_are_unused(tokenizer):
    made, size = task(tokenizer=tokenizer), len(tokenizer.vocabulary)
    assert made.markers == ("[E1]", "[/E1]", "[E2]", "[/E2]")
    assert [made.tokenizer.vocabulary[name] for name in made.markers] == list(range(size, size + 4))
    assert len(tokenizer.vocabulary) == size


def test_entities_too_far_apart_are_counted(caplog):
    far = "a <e1>b</e1> " + "c " * 9 + "<e2>d</e2>"
    rows = table(text=[GOOD, far, far], label=list(LABELS[:3]))
    task(max_length=12).examples(rows, training=True)
    assert caplog.messages == [
        "train.tsv: 2 of 3 rows have entities that, with the text between them, are longer than max_length 12 and lose "
        "tokens in the middle, first at train.tsv, row 1"
    ]
    task(max_length=17).examples(rows, training=True)  # 11 tokens, [CLS], [SEP] and four markers
    assert len(caplog.messages) == 1


# 4 metrics


def test_evaluation_shows_marked_texts():
    answers = {"probabilities": np.eye(4)[[0, 2]]}
    for rows in (
        table(text=[GOOD, GOOD], label=[LABELS[0], LABELS[1]]),
        table(text=["a b c d e"] * 2, head=[[2, 3]] * 2, tail=[[6, 7]] * 2, label=[LABELS[0], LABELS[1]]),
    ):
        examples = task().examples(rows)
        evaluation = task().evaluation(examples, answers, token_lengths=np.array([9, 9]), data="dev.tsv")
        assert evaluation.texts == [GOOD, GOOD]
        assert evaluation.metrics == {"macro_f1": 0.0, "micro_f1": 0.0, "accuracy": 0.5}


# 5 answer


def test_answer():
    example = {"text": tf.constant([GOOD, "no marks"])}
    logits = tf.constant([[0.0, 0, 3, 0], [2.0, 0, 0, 0]])
    answer = {name: value.numpy() for name, value in task().answer(example, None, logits).items()}
    first, second = task().readable(answer)
    assert {name: first[name] for name in ("label", "relation", "direction", "head_text", "tail_text")} == {
        "label": "Cause-Effect(e2,e1)",
        "relation": "Cause-Effect",
        "direction": "e2,e1",
        "head_text": "b",
        "tail_text": "d",
    }
    assert first["score"] == first["probabilities"]["Cause-Effect(e2,e1)"] == pytest.approx(0.87, abs=0.01)
    assert (second["relation"], second["direction"], second["head_text"]) == ("Other", "", "")


def test_what_is_saved():
    assert task().settings()["markers"] == MARKERS  # found once, and kept
    assert task().hugging_face_config()["id2label"]["1"] == "Cause-Effect(e1,e2)"


def test_config(data_dir):
    path = pathlib.Path(__file__).resolve().parents[2] / "configs/semeval2010.py"
    spec = importlib.util.spec_from_file_location("semeval2010", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = FinetuneConfig.from_dict(module.get_config().to_dict())
    train = data.read(data_dir("re/semeval2010_task8/TRAIN_FILE.TXT.gz"), format=config.format)
    settings = RelationExtraction.settings_for(train, max_length=config.max_length, columns=config.all_columns)
    assert (config.task, len(settings["labels"])) == ("relation_extraction", 19)
    own = RelationExtraction(TOKENIZER, **settings)
    examples = own.examples(train, training=True)  # every row is well-formed
    assert collections.Counter(examples["label"].tolist())[settings["labels"].index("Other")] == 1410
