"""The example of a token classification: what a table may hold, and what is wrong with others."""

import logging

import pytest

from tfbert import Tokenizer
from tfbert.data import Table
from tfbert.data.reading import read
from tfbert.errors import ConfigError, DataError
from tfbert.tasks.token_classification.task import TokenClassification
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "new", "york", "##er", "is", "big", ",", "rome"]))


def table(**values):
    return Table.from_columns(values, source="train.jsonl")


def task(**settings):
    return TokenClassification(TOKENIZER, **{"labels": ("person", "place"), **settings})


def spans(*rows, **settings):
    text, *given = zip(*rows, strict=True)
    return [row.tolist() for row in task(**settings).examples(table(text=list(text), spans=list(given[0])))["spans"]]


def test_spans_of_lists_and_objects_in_order():
    rows = [("New York is big, Rome", [[17, 21, "place"], {"start": 0, "end": 8, "label": "place"}]), ("Rome", [])]
    assert spans(*rows) == [[[0, 8, 1], [17, 21, 1]], []]


def test_cluener_rows():
    cell = {"place": {"Rome": [[0, 3], [9, 12]]}, "person": {"me": [[2, 3]]}}
    examples = task().examples(table(text=["Rome and Rome", "Rome"], label=[cell, {}]))
    assert [row.tolist() for row in examples["spans"]] == [[[0, 4, 1], [9, 13, 1]], []]  # the longer is kept


def test_words_with_tags_and_with_spans():
    words = [["New", "York", "is"], ["Rome"]]
    tagged = task().examples(table(words=words, tags=[["I-place", "I-place", "O"], ["O"]]))
    spanned = task().examples(table(tokens=words, spans=[[[0, 2, "place"]], []]))
    assert [row.tolist() for row in tagged["spans"]] == [row.tolist() for row in spanned["spans"]] == [[[0, 2, 1]], []]
    assert tagged["words"] == spanned["words"] == words


def test_rows_of_one_word_from_a_source_without_lists_of_one():
    given = Table({"words": ["Rome", None], "tags": ["B-place", None]}, source="a.tfrecord", has_lists_of_one=True)
    examples = task().examples(given)
    assert examples["words"] == [["Rome"], []]
    assert [row.tolist() for row in examples["spans"]] == [[[0, 1, 1]], []]


def test_faults_are_one_line_each(caplog):
    with caplog.at_level(logging.WARNING):
        spans(("New Yorker", [[0, 3, "place"]]), ("New Yorker", [[4, 8, "place"]]), (" New", [[0, 1, "place"]]))
        task().examples(table(words=[["a"], ["b", "c"]], tags=[["O"], ["O", "I-place"]]))
        task().examples(table(text=["Rome"], label=[{"place": {"Rome": [[0, 3]], "ome": [[1, 3]]}}]))
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "train.jsonl: 2 spans begin or end inside a word or touch none, the words they touch are learned, "
        "first at train.jsonl, row 1",
        "train.jsonl: 1 tags I- begin an entity (as in IOB1) and are read as B-, first at train.jsonl, row 1",
        "train.jsonl: 1 spans overlap a longer one and are left out, first at train.jsonl, row 0",
    ]


def test_settings_from_a_table():
    settings = TokenClassification.settings_for(table(words=[["a", "b"]], tags=[["S-y", "S-x"]]), max_length=64)
    assert settings == {"labels": ("x", "y"), "words": True, "max_length": 64}
    settings = TokenClassification.settings_for(table(text=["ab"], label=[{"x": {"a": [[0, 0]]}}]))
    assert settings == {"labels": ("x",), "words": False}
    settings = TokenClassification.settings_for(
        table(body=["ab"], marks=[[[0, 1, "z"]]]), columns={"text": "body", "label": "marks"}
    )
    assert (settings["labels"], settings["words"]) == (("z",), False)
    both = table(text=["ab"], tokens=[["ab"]], spans=[[[0, 2, "z"]]])  # as Prodigy writes them
    assert not TokenClassification.settings_for(both)["words"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text": ["Rome"], "spans": [[[0, 5, "place"]]]}, r"train.jsonl, row 0: the span \[0, 5, 'place'\] is not inside its text of 4"),
        ({"text": ["Rome"], "spans": [[[2, 2, "place"]]]}, "the end is exclusive"),
        ({"text": ["Rome"], "spans": [[[-1, 2, "place"]]]}, "is not inside"),
        ({"text": ["a", "Rome"], "spans": [[], [[0, 4, "places"]]]}, "row 1: unknown label 'places'; .*did you mean 'place'"),
        ({"text": ["Rome is"], "spans": [[[0, 4, "place"], [3, 7, "place"]]]}, r"row 0: the spans .* overlap"),
        ({"text": ["Rome"], "spans": [[[0, 4]]]}, "a span is"),
        ({"text": ["Rome"], "spans": [[[0, 4.0, "place"]]]}, "a span is"),
        ({"text": ["Rome"], "spans": [[{"start": 0, "end": 4}]]}, "a span is"),
        ({"text": ["Rome"], "spans": ["0 4 place"]}, "must hold a list of"),
        ({"text": ["Rome"]}, "no column 'spans'"),
        ({"text": [3], "spans": [[]]}, "row 0: column 'text' holds"),
        ({"text": [], "spans": []}, "has no rows"),
        ({"text": ["Rome"], "spans": [[]]}, "no entity in any row"),
        ({"text": ["Rome"], "label": [{"place": {"rome": [[0, 3]]}}]}, "characters 0 to 3 of its text are not 'rome'"),
        ({"text": ["Rome"], "label": [{"place": [0, 3]}]}, "'place' must hold"),
        ({"text": ["Rome"], "label": [{"place": {"Rome": [0, 3]}}]}, "'place' must hold"),
        ({"words": [["Rome"]], "spans": [[[0, 2, "place"]]]}, "is not inside its 1 words"),
        ({"words": [["Rome"]], "tags": [["O", "O"]]}, "row 0: 1 words, but 2 tags"),
        ({"words": [["Rome"]], "tags": ["O"]}, "'tags' must hold a list of tags, not 'O'"),
        ({"words": ["Rome"], "tags": [["O"]]}, "'words' must hold a list of words, not 'Rome'"),
        ({"words": [["a"], ["Rome", "is"]], "tags": [["B-place"], ["O", "place"]]}, r"row 1, word 2 \('is'\): the tag 'place' is of no"),
    ],
)  # fmt: skip
def test_a_bad_table(values, message):
    with pytest.raises(DataError, match=message):
        task().examples(table(**values), training=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": ()}, "needs the labels"),
        ({"labels": ("a", "a")}, "occurs twice"),
        ({"max_length": 8, "stride": 6}, "stride 6 must be from 0 to below 6"),
        ({"tags": ("O", "B-a")}, "tags are O, B-a; the labels need O, B-person"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        task(**settings)


def test_published_files(data_dir, caplog):
    """The counts of their papers and pages; each fault is named."""
    train = read(data_dir("ner/cluener_zh/train.json.gz"))
    settings = TokenClassification.settings_for(train)
    assert len(settings["labels"]) == 10
    chinese = Tokenizer.from_file(data_dir("vocab/bert-base-chinese/vocab.txt"))
    with caplog.at_level(logging.WARNING):
        examples = TokenClassification(chinese, **settings).examples(train, training=True)
    overlap, cut = (record.getMessage() for record in caplog.records)
    assert "2 spans overlap a longer one" in overlap
    assert overlap.endswith("train.json.gz, line 1507")
    assert "spans begin or end inside a word" in cut
    assert sum(map(len, examples["spans"])) == 23_969

    wnut = read(data_dir("ner/wnut17/wnut17train.conll"))
    settings = TokenClassification.settings_for(wnut)
    assert settings["labels"] == ("corporation", "creative-work", "group", "location", "person", "product")
    assert sum(map(len, task(**settings).examples(wnut)["spans"])) == 1_975
