"""Tags of any scheme as spans, against seqeval."""

import random

import pytest

from tfbert.data.reading import read
from tfbert.errors import RowError
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
    ("tags", "found", "said"),
    [
        ("B_per I_per O B_x", [(0, 2, "per"), (3, 4, "x")], "tags such as 'B_per', which is read as 'B-per'"),
        ("per-B per-I O x-B", [(0, 2, "per"), (3, 4, "x")], "tags such as 'per-B', which is read as 'B-per'"),
        ("per_B per_I O", [(0, 2, "per")], "tags such as 'per_B', which is read as 'B-per'"),
        ("b-Per i-Per o", [(0, 2, "Per")], "tags such as 'b-Per', which is read as 'B-Per' and 'o' for O"),
        ("B-per I-per 0 B-x", [(0, 2, "per"), (3, 4, "x")], "'0' for O"),
        ("B-per I-per -X-", [(0, 2, "per")], "'-X-' for O"),
        ("B I O B", [(0, 2, "entity"), (3, 4, "entity")], "tags such as 'B', which is read as 'B-entity'"),
        ("B- I- O", [(0, 2, "entity")], "tags such as 'B-', which is read as 'B-entity'"),
        ("B I E O S", [(0, 3, "entity"), (4, 5, "entity")], "tags such as 'B', which is read as 'B-entity'"),
        ("S_per O B_x E_x", [(0, 1, "per"), (2, 4, "x")], "tags such as 'B_x', which is read as 'B-x'"),
        ("U_a O B_b L_b", [(0, 1, "a"), (2, 4, "b")], "tags such as 'B_b', which is read as 'B-b'"),
        ("I_a I_a O I_b", [(0, 2, "a"), (3, 4, "b")], "tags such as 'I_a', which is read as 'I-a'"),
        ("(ORG* *) * (GPE) (X*)", [(0, 2, "ORG"), (3, 4, "GPE"), (4, 5, "X")], "tags in brackets, such as '(x*', which is read as 'B-x'"),
        ("e_mail s_name o", [(0, 1, "e_mail"), (1, 2, "s_name")], "'o' for O"),
        ("vitamin-B O", [(0, 1, "vitamin-B")], ""),
    ],
)  # fmt: skip
def test_spellings_are_recognised_and_said(tags, found, said):
    heard = []
    spans, _ = spans_of_tags([["O"], tags.split()], None, say=lambda what, rows: heard.append((what, rows)))
    assert spans == [[], found]
    assert heard == ([(f"rows have {said}", [1])] if said else [])


def test_a_few_tags_are_read_as_the_known_labels_say():
    assert spans_of_tags([["per-B", "O"]], None, labels=["per"])[0] == [[(0, 1, "per")]]
    assert spans_of_tags([["per-B", "O"]], None, labels=["per-B"])[0] == [[(0, 1, "per-B")]]


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ("B-a O LOC", "word 2: the tag 'LOC' is of no scheme; others here are like 'B-a'"),
        ("B-a X-a", "word 1: the tag 'X-a' is of no scheme"),
        ("B-a I- O", "word 1: the tag 'I-' is of no scheme"),
        ("B-a I-a B_a I-b", "word 2: the tag 'B_a' is of no scheme; others here are like 'B-a'"),
        ("(a* (b*", "word 1: the brackets of '\\(b\\*' do not fit"),
        ("(a* *", "word 1: the brackets of '\\*' do not fit"),
        ("S-a I-a", "word 1: 'I-a' follows 'S-a', which"),
        ("E-a O", "word 0: 'E-a' follows 'the beginning'"),
        ("S-b B-a O", "word 2: 'O' follows 'B-a'"),
        ("S-b B-a E-b", "word 2: 'E-b' follows 'B-a'"),
        ("S-b B-a", "word 1: the row ends after 'B-a'"),
    ],
)
def test_bad_tags(tags, message):
    with pytest.raises(RowError, match=message) as error:
        spans(tags)
    assert error.value.row == 0


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
