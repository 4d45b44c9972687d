"""Tags of any scheme as spans, against seqeval."""

import random

import pytest

from tfbert.data.reading import read
from tfbert.errors import DataError
from tfbert.tasks.token_classification.tags import spans_of_tags


def spans(tags):
    return spans_of_tags([tags.split()], lambda row, word: f"word {word}")[0][0]


@pytest.mark.parametrize(
    "tags",
    [
        "B-a I-a O B-b B-b I-b",  # IOB2
        "I-a I-a O I-b B-b I-b",  # IOB1
        "B-a E-a O S-b B-b E-b",  # BIOES
        "B-a L-a O U-b B-b L-b",  # BILOU
    ],
)
def test_schemes(tags):
    assert spans(tags) == [(0, 2, "a"), (3, 4, "b"), (4, 6, "b")]


def test_longer_ones():
    assert spans("B-a I-a M-a E-a") == spans("B-a I-a I-a I-a") == spans("a a a a") == [(0, 4, "a")]
    assert spans("B-x-y I-x-y") == [(0, 2, "x-y")]
    assert spans("a a b O b") == [(0, 2, "a"), (2, 3, "b"), (4, 5, "b")]
    assert spans("O O") == spans("") == []


def test_what_begins_an_entity_is_told():
    assert spans_of_tags([["O", "I-a", "I-a"], ["B-b", "I-a", "B-a"]], None) == (
        [[(1, 3, "a")], [(0, 1, "b"), (1, 2, "a"), (2, 3, "a")]],
        [(0, 1), (1, 1)],
    )


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ("B-a O LOC", "word 2: the tag 'LOC' is of no scheme; others here are like 'B-a'"),
        ("B-a X-a", "word 1: the tag 'X-a' is of no scheme"),
        ("B-a I- O", "word 1: the tag 'I-' is of no scheme"),
        ("S-a I-a", "word 1: 'I-a' follows 'S-a', which"),
        ("E-a O", "word 0: 'E-a' follows 'the beginning'"),
        ("S-b B-a O", "word 2: 'O' follows 'B-a'"),
        ("S-b B-a E-b", "word 2: 'E-b' follows 'B-a'"),
        ("S-b B-a", "word 1: the row ends after 'B-a'"),
    ],
)
def test_bad_tags(tags, message):
    with pytest.raises(DataError, match=message):
        spans(tags)


def test_any_order_of_inside_and_outside_is_seqevals():
    entities = pytest.importorskip("seqeval.metrics.sequence_labeling").get_entities
    source = random.Random(0)
    for _ in range(300):
        tags = source.choices(["O", "B-a", "I-a", "B-b", "I-b"], k=source.randrange(9))
        assert spans(" ".join(tags)) == [(start, last + 1, label) for label, start, last in entities(tags)]


def test_published_tags_are_seqevals(data_dir):
    entities = pytest.importorskip("seqeval.metrics.sequence_labeling").get_entities
    tags = read(data_dir("ner/wnut17/wnut17train.conll")).column("tags")
    found, begun = spans_of_tags(tags, None)
    assert begun == []
    assert [[(label, start, end - 1) for start, end, label in row] for row in found] == list(map(entities, tags))
