"""The five parts of relation extraction."""

import collections
import importlib.util
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from tfbert import Tokenizer, data
from tfbert.data import Table
from tfbert.errors import ConfigError, DataError
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
        (
            {"tokenizer": Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"]))},
            "has no four unused tokens",
        ),
        ({"tokenizer": Tokenizer(VOCABULARY, added_tokens=[AddedToken("[unused2]")])}, "has no four"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        task(**settings)


def test_entities_too_far_apart_are_counted(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda message, *values: lines.append(message % values))
    far = "a <e1>b</e1> " + "c " * 9 + "<e2>d</e2>"
    rows = table(text=[GOOD, far, far], label=list(LABELS[:3]))
    task(max_length=12).examples(rows, training=True)
    assert lines == [
        "train.tsv: in 2 of 3 rows the entities and the text between them are longer than max_length 12 and lose "
        "tokens in the middle, first in train.tsv, row 1"
    ]
    task(max_length=17).examples(rows, training=True)  # 11 tokens, [CLS], [SEP] and four markers
    assert len(lines) == 1


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
