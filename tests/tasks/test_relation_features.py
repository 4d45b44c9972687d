"""The features of relation extraction: markers in the text, long texts cut around them, spans and marks."""

import re

import numpy as np
import pytest
import tensorflow as tf
import tokenizers

from tfbert import Tokenizer, data
from tfbert.tasks.relation_extraction import entities as relation_entities
from tfbert.tasks.relation_extraction import examples as relation_examples
from tfbert.tasks.relation_extraction.task import RelationExtraction
from tfbert.text import AddedToken, SpecialTokens, Vocabulary

MARKERS = [f"[unused{i}]" for i in range(4)]
VOCABULARY = Vocabulary(["[PAD]", *MARKERS, "[UNK]", "[CLS]", "[SEP]", *"abcdefgh"])
TOKENIZER = Tokenizer(VOCABULARY)
GOOD = "a <e1>b</e1> c <e2>d</e2> e"


def task(tokenizer=TOKENIZER, **settings):
    return RelationExtraction(tokenizer, **{"labels": ("Other", "Cause-Effect(e1,e2)"), **settings})


def tokens(features):
    return [[VOCABULARY.tokens[i] for i in row if i] for row in features["token_ids"].numpy()]


def test_markers_are_inserted():
    text = ["a <e1>b</e1> c <e2>d e</e2> f", "<e2>a</e2><e1>b</e1>", "ab<e1>c</e1>", ""]
    features = task().features({"text": tf.constant(text)})
    assert tokens(features) == [
        "[CLS] a [unused0] b [unused1] c [unused2] d e [unused3] f [SEP]".split(),
        "[CLS] [unused2] a [unused3] [unused0] b [unused1] [SEP]".split(),
        ["[CLS]", *["[UNK]"] * 4, "c", *["[UNK]"] * 4, "[SEP]"],  # ab < e1 > c < / e1 >
        "[CLS] [SEP]".split(),
    ]
    assert features["head_start"].numpy().tolist() == [2, 4, 0, 0]
    assert features["tail_start"].numpy().tolist() == [6, 1, 0, 0]


def test_a_marker_spelled_in_the_text_is_none():
    tokenizer = Tokenizer(VOCABULARY, added_tokens=[AddedToken(name) for name in MARKERS])
    given = {"markers": tuple(MARKERS)}
    features = task(tokenizer, **given).features({"text": tf.constant([f"[unused0] [unused2] {GOOD}"])})
    assert (features["head_start"].numpy()[0], features["tail_start"].numpy()[0]) == (4, 8)


def test_other_names_of_special_tokens():
    vocabulary = Vocabulary(["<pad>", "<unk>", "<s>", "</s>", "w", "x", "y", "z", "a", "b"])
    special = SpecialTokens(unknown="<unk>", start="<s>", separator="</s>", padding="<pad>", mask="<mask>")
    own = task(Tokenizer(vocabulary, special_tokens=special), markers=("w", "x", "y", "z"))
    features = own.features({"text": tf.constant(["<e1>a</e1> <e2>b</e2>"])})
    assert features["token_ids"].numpy().tolist() == [[2, 4, 8, 5, 6, 9, 7, 3]]


@pytest.fixture(scope="module")
def real(data_dir):
    """Real texts, and `tokenizers` with the markers as tokens of its own."""
    texts = data.read(data_dir("re/semeval2010_task8/TEST_FILE_FULL.TXT.gz"), format="semeval").column("text")
    vocabulary = Vocabulary.from_file(data_dir("vocab/bert-base-uncased/vocab.txt"))
    reference = tokenizers.BertWordPieceTokenizer(
        {token: i for i, token in enumerate(vocabulary.tokens)}, lowercase=True
    )
    reference.add_special_tokens(MARKERS)
    return texts, Tokenizer(vocabulary), reference


def test_tokens_are_those_of_a_text_with_markers_in_it(real):
    texts, tokenizer, reference = real
    features = task(tokenizer, max_length=512).features({"text": tf.constant(texts)})
    marks = dict(zip(("<e1>", "</e1>", "<e2>", "</e2>"), MARKERS, strict=True))
    wanted = reference.encode_batch([re.sub("</?e[12]>", lambda mark: f" {marks[mark[0]]} ", text) for text in texts])
    for ids, mask, head, tail, encoding in zip(
        *(features[name].numpy() for name in ("token_ids", "padding_mask", "head_start", "tail_start")),
        wanted,
        strict=True,
    ):
        assert ids[: mask.sum()].tolist() == encoding.ids
        assert (encoding.tokens[head], encoding.tokens[tail]) == ("[unused0]", "[unused2]")


def shortened(parts, room):
    """The tokens kept of five parts, one token taken away at a time."""
    before, first, between, second, after = map(list, parts)
    total = lambda: sum(map(len, (before, first, between, second, after)))  # noqa: E731
    while total() > room and (before or after):
        before.pop(0) if len(before) >= len(after) else after.pop()
    while total() > room and between:
        del between[len(between) // 2]
    while total() > room:
        first.pop() if len(first) >= len(second) else second.pop()
    return before, first, between, second, after


@pytest.mark.parametrize("max_length", [8, 9, 15, 24])
def test_long_texts_are_cut_around_their_entities(real, max_length):
    texts, tokenizer, reference = real
    features = task(tokenizer, max_length=max_length).features({"text": tf.constant(texts)})
    token_ids, head_start, tail_start = (features[name].numpy() for name in ("token_ids", "head_start", "tail_start"))
    assert token_ids.shape[1] == max_length
    cut = 0
    for i, text in enumerate(texts):
        ids = [reference.encode(part, add_special_tokens=False).ids for part in re.split("</?e[12]>", text)]
        cut += sum(map(len, ids)) > max_length - 6
        before, first, between, second, after = shortened(ids, max_length - 6)
        # The middle is cut from both sides evenly; the loop above takes one token of many alike there.
        whole, kept = ids[2], len(between)
        between = whole[: kept - kept // 2] + whole[len(whole) - kept // 2 :] if kept < len(whole) else whole
        wanted = [101, *before, 1, *first, 2, *between, 3, *second, 4, *after, 102]
        row = token_ids[i]
        assert row[row != 0].tolist() == wanted
        assert (row[head_start[i]], row[tail_start[i]]) == (1, 3)
    assert cut > 500


def test_spans_give_the_features_of_marks(real):
    texts, tokenizer, _ = real
    plain, heads, tails = [], [], []
    for text in texts:
        pieces = re.split("</?e[12]>", "é 😀 " + text)
        places = np.cumsum([0, *map(len, pieces)])
        plain.append("".join(pieces))
        heads.append(places[1:3])
        tails.append(places[3:5])
        assert relation_examples.marked(plain[-1], heads[-1], tails[-1]) == "é 😀 " + text
    of_marks = task(tokenizer).features({"text": tf.constant(["é 😀 " + text for text in texts])})
    example = {"text": tf.constant(plain), "head": tf.constant(heads, tf.int32), "tail": tf.constant(tails, tf.int32)}
    for name, values in task(tokenizer).features(example).items():
        np.testing.assert_array_equal(values, of_marks[name])
    back = {**example, "head": example["tail"], "tail": example["head"]}
    swapped = task(tokenizer).features(back)
    np.testing.assert_array_equal(swapped["head_start"], of_marks["tail_start"])


@pytest.mark.parametrize("text", [b"ab cd", "é 字b 😀".encode(), b"\xff\xfe b \xc3", b"\xe4\xbd b", b"\x00a\x00b", b""])
def test_spans_of_any_bytes(text):
    """Every pair of spans, and some that reach out of the text."""
    string = text.decode("utf-8", "replace")
    size = len(string)
    places = [(i, j) for i in range(-1, size + 2) for j in range(-1, size + 2)]
    heads, tails = zip(*[(head, tail) for head in places for tail in places], strict=True)
    entities = relation_entities.of_spans(tf.constant([text] * len(heads)), tf.constant(heads), tf.constant(tails))
    found = entities.found.numpy()
    answers = zip(entities.parts.numpy(), found, entities.head.numpy(), entities.tail.numpy(), strict=True)
    for head, tail, (parts, is_found, head_text, tail_text) in zip(heads, tails, answers, strict=True):
        (a, b), (c, d) = (sorted((0, place, size))[1] for place in head), (sorted((0, p, size))[1] for p in tail)
        assert is_found == (a < b and c < d and (b <= c or d <= a))
        assert b"".join(parts).decode() == string
        assert head_text.decode() == (string[a:b] if is_found else "")
        assert tail_text.decode() == (string[c:d] if is_found else "")
    assert found.any() == (size > 1)


@pytest.mark.parametrize(
    "text", ["", "a", "<e1>a</e1>", "<e1>a</e1><e2>b", "</e1>a<e1> <e2>b</e2>", "<e1></e1> <e2>b</e2>", "<e1>a<e2>b</e1>c</e2>"]
)  # fmt: skip
def test_marks_out_of_their_place(text):
    entities = relation_entities.of_marked(tf.constant([text, GOOD]))
    assert entities.found.numpy().tolist() == [False, True]
    assert entities.parts.numpy()[0].tolist() == [b"", b"", b"", b"", text.encode()]
    assert (entities.head.numpy().tolist(), entities.tail.numpy().tolist()) == ([b"", b"b"], [b"", b"d"])


def test_broken_bytes_around_marks():
    entities = relation_entities.of_marked(tf.constant([b"\xff<e2>\xc3</e2>\n<e1>b\xfe</e1>\x00"]))
    assert entities.parts.numpy().tolist() == [[b"\xff", b"\xc3", b"\n", b"b\xfe", b"\x00"]]
    assert not entities.head_first.numpy()[0]
