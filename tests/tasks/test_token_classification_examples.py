"""The example of a token classification: what a table may hold, and what is wrong with others."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert import Tokenizer
from tfbert.data import Table, columns
from tfbert.data.bad_rows import BadRows, usable
from tfbert.data.reading import read
from tfbert.errors import ConfigError, DataError, RowError
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


def test_columns_named_by_number(tmp_path):
    (tmp_path / "a.conll").write_text("1\tNew\tB-x\tB-place\n2\tYork\tI-x\tI-place\n3\tis\tI-x\tO\n")
    settings = TokenClassification.settings_for(read(tmp_path / "a.conll"), columns={"words": 2, "tags": "4"})
    assert settings["labels"] == ("place",)
    examples = task(**settings).examples(read(tmp_path / "a.conll"))
    assert (examples["words"], examples["spans"][0].tolist()) == ([["New", "York", "is"]], [[0, 2, 0]])
    assert task(**settings).columns == {"words": "2", "tags": "4"}
    (tmp_path / "b.conll").write_text("1 B-place\n2 O\n")
    with pytest.raises(DataError, match="all words are numbers; name words and tags"):
        TokenClassification.settings_for(read(tmp_path / "b.conll"))


def test_numbers_of_tags_have_the_names_that_labels_give():
    rows = table(tokens=[["New", "York", "is"], ["Rome"]], ner_tags=[[3, 4, 0], np.array([3])])
    names = ("O", "B-person", "I-person", "B-place", "I-place")
    settings = TokenClassification.settings_for(rows, labels=list(names))
    assert settings == {"labels": ("person", "place"), "tag_names": names, "words": True}
    assert [row.tolist() for row in task(**settings).examples(rows)["spans"]] == [[[0, 2, 1]], [[0, 1, 1]]]
    with pytest.raises(
        DataError, match="tags in column 'ner_tags' are numbers; give their names .*config.settings.labels"
    ):
        TokenClassification.settings_for(rows)
    with pytest.raises(DataError, match="row 0: the tag 5 is none of the 5 that settings.labels names"):
        task(**settings).examples(table(tokens=[["a"]], ner_tags=[[5]]))
    with pytest.raises(ConfigError, match="the tag 'LOC' is of no scheme"):
        task(tag_names=("O", "B-person", "LOC"))


def test_a_label_that_training_never_had_counts_as_missed(caplog):
    dev = table(words=[["New", "York", "is", "Rome"]], tags=[["B-thing", "I-thing", "O", "B-place"]])
    examples = task().examples(dev)
    assert examples["spans"][0].tolist() == [[0, 2, -1], [3, 4, 1]]
    assert "1 entities have a label that training never had (thing) and count as missed" in caplog.text
    with pytest.raises(RowError, match="row 0: unknown label 'thing'; the labels are person, place"):
        task().examples(dev, training=True)
    with pytest.raises(DataError, match="unknown label 'thing'"):  # those of another task
        task().examples(table(words=[["New"]], tags=[["B-thing"]]))
    for given_tags in ((), ("B-place", "I-place", "O", "B-person", "I-person")):
        own = task(tags=given_tags)
        tensors = {"words": columns.tensor(examples["words"]), "spans": columns.tensor(examples["spans"])}
        target = own.target(tensors, own.features(tensors)).numpy()[0]
        named = [own.logit_names[tag] if tag >= 0 else None for tag in target]
        assert named == [None, None, None, "O", "B-place", None]
    found = {
        "label": np.array([[b"place", b"person"]]),
        "word_start": np.array([[3, 0]]),
        "word_end": np.array([[4, 2]]),
    }
    assert task().metrics(examples, found) == {"f1": 0.5, "precision": 0.5, "recall": 0.5, "macro_f1": 1 / 3}


def test_ends_that_look_inclusive_are_said(caplog):
    spans(("New York is big", [[0, 7, "place"], [12, 14, "place"]]), ("Rome", [[0, 3, "place"]]))
    assert "(ends look inclusive: with one more each, 3 of 3 spans end with a word)" in caplog.text
    caplog.clear()
    spans(("Rome is New York", [[0, 1, "place"], [2, 4, "place"]]))
    assert "(they look counted in words: so 2 of 2 spans fit)" in caplog.text
    caplog.clear()
    spans(("ééé Rome", [[7, 8, "place"]]), ("é York", [[3, 6, "place"]]))
    assert "in bytes" not in caplog.text  # of one alone
    caplog.clear()
    spans(("é Rome is", [[3, 7, "place"]]), ("éé York is", [[5, 9, "place"]]))
    assert "(they look counted in bytes of UTF-8: so 2 of 2 spans fit)" in caplog.text


FAULTS = {
    "an entity that does not begin or end as its tags say": (["New", "York"], ["B-place", "O"]),
    "an unknown label": (["New"], ["S-thing"]),
    "an empty entity": (["New", " "], ["O", "S-place"]),
    "another number of tags than words": (["New"], ["O", "O"]),
    "no list of words": ("New", ["O"]),
    "no list of tags": (["New"], [None]),
    "a tag of no scheme": (["New"], ["place"]),
    None: (["New", "York", ""], ["B-place", "E-place", "O"]),
}


@settings(deadline=None, max_examples=40)  # tokenizers take their time at first
@given(st.lists(st.sampled_from(list(FAULTS)), min_size=1, max_size=40))
def test_rows_in_are_rows_out_and_rows_counted(kinds):
    rows = Table.from_columns(
        {"words": [FAULTS[kind][0] for kind in kinds], "tags": [FAULTS[kind][1] for kind in kinds]}
    )
    rows.bad_rows = BadRows("skip")
    good = kinds.count(None)
    if not good:
        return
    examples, used = usable(rows, lambda some: task().examples(some, training=True))
    assert len(examples["words"]) == len(used) == good
    assert len(used) + len(rows.bad_rows) == len(kinds)
    assert rows.bad_rows.counts() == {kind: kinds.count(kind) for kind in set(kinds) - {None}}


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ([[0, 9, "place"]], "a span outside its text"),
        ([[0, 4, "place"], [3, 5, "place"]], "spans that overlap"),
        ([[0, "4", "place"]], "a span of another form"),
        ({"place": {"ome": [[0, 3]]}}, "a span that is not its text"),
    ],
)
def test_bad_spans_are_left_out_and_counted(cell, kind):
    rows = Table.from_columns({"text": ["Rome is", "Rome is"], "spans": [[[0, 4, "place"]], cell]})
    rows.bad_rows = BadRows("skip")
    examples, used = usable(rows, lambda some: task().examples(some, training=True))
    assert (len(used), rows.bad_rows.counts()) == (1, {kind: 1})


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
