"""The rules of a tokenizer.json that are not BERT's own: the same ids and places as `tokenizers`."""

import json

import numpy as np
import pytest
import tokenizers
from conftest import LETTERS, MARKS, SPECIAL, assert_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from test_equality import HARD, PARTS, _joined_parts
from test_lite import STRINGS, runner
from tokenizers import models
from tokenizers import normalizers as n
from tokenizers import pre_tokenizers as p

from tfbert.errors import ConfigError
from tfbert.text import AddedToken, Tokenizer, Vocabulary
from tfbert.text.algorithms.rules import Rules

MORE = "... ##... É ##b ##a 12 ##2 don ##' ##t @@t @@s @@a".split()
VOCABULARY = Vocabulary(dict.fromkeys([*SPECIAL, *LETTERS.split(), *MARKS.split(), *MORE, "a b", "<e1>", "Un"]))
FROM_SCRATCH = n.Sequence([n.NFD(), n.Lowercase(), n.StripAccents()])  # as the tutorials of `tokenizers` have it
NORMALIZERS = {
    "null": None,
    "lower": n.Lowercase(),
    "from scratch": FROM_SCRATCH,
    "cased": n.BertNormalizer(lowercase=False),
    "dirty": n.BertNormalizer(clean_text=False),
    "replaced": n.Sequence([n.Strip(), n.Replace("a", "XY"), n.Lowercase()]),
}
SPLITTERS = {
    "words": p.Whitespace(),
    "spaces": p.WhitespaceSplit(),
    "bert": p.BertPreTokenizer(),
    "digits": p.Sequence([p.Whitespace(), p.Digits(individual_digits=True)]),
    "runs": p.Sequence([p.Digits(), p.WhitespaceSplit(), p.Punctuation(behavior="contiguous")]),
    "null": None,
    "at a": p.CharDelimiterSplit("a"),
}
TEXTS = [*HARD, "don't a... b##s ##s", "a 12 123 a1b2", "x" * 100, "x" * 101, "\U000f0000a \U000f0001 \ufffd", "", " "]


def both(normalizer, splitter, prefix="##", most=100, added=()):
    """tfbert's tokenizer of a file, and the library's."""
    ids = {token: number for number, token in enumerate(VOCABULARY.tokens)}
    theirs = tokenizers.Tokenizer(
        models.WordPiece(ids, unk_token="[UNK]", continuing_subword_prefix=prefix, max_input_chars_per_word=most)
    )
    if normalizer is not None:
        theirs.normalizer = normalizer
    if splitter is not None:
        theirs.pre_tokenizer = splitter
    theirs.add_special_tokens(list(SPECIAL))
    for token in added:
        theirs.add_tokens([tokenizers.AddedToken(token.content, normalized=token.normalized)])
    file = json.loads(theirs.to_str())
    rules = Rules(file["normalizer"], file["pre_tokenizer"], prefix, most)
    return Tokenizer(VOCABULARY, rules=rules, added_tokens=added), theirs


@pytest.mark.parametrize("normalizer", NORMALIZERS)
def test_normalizers(normalizer):
    assert_equal(both(NORMALIZERS[normalizer], SPLITTERS["words"]), TEXTS)


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_pre_tokenizers(splitter):
    assert_equal(both(FROM_SCRATCH, SPLITTERS[splitter]), [*TEXTS, *_joined_parts(50, 2)])


@pytest.mark.parametrize(("prefix", "most"), [("", 5), ("@@", 100), ("##", 3)])
@pytest.mark.parametrize("splitter", ["words", "bert"])
def test_other_prefixes_and_limits(splitter, prefix, most):
    assert_equal(both(NORMALIZERS["cased"], SPLITTERS[splitter], prefix, most), TEXTS)


ADDED = [AddedToken("<e1>"), AddedToken("Un", normalized=True)]


@given(st.lists(st.lists(st.sampled_from([*PARTS, "<e1>", "Un", "UN", "12", "..."]), max_size=9).map("".join)))
@settings(max_examples=60, deadline=None)
def test_any_text_with_added_tokens(texts):
    if "pair" not in CACHE:
        CACHE["pair"] = both(FROM_SCRATCH, SPLITTERS["words"], added=ADDED)
    assert_equal(CACHE["pair"], [*texts, ""])


CACHE: dict = {}


@pytest.mark.parametrize(
    ("normalizer", "splitter"),
    [
        (n.Sequence([n.Lowercase(), n.BertNormalizer(lowercase=False, strip_accents=False)]), p.BertPreTokenizer()),
        (n.BertNormalizer(strip_accents=False), p.Sequence([p.WhitespaceSplit(), p.Punctuation()])),
    ],
)
def test_the_same_by_other_names_takes_the_short_way(normalizer, splitter):
    ours, theirs = both(normalizer, splitter)
    assert ours.rules is None
    assert (ours.lower_case, ours.strip_accents, ours.tokenize_chinese_chars) == (True, False, True)
    assert_equal((ours, theirs), TEXTS)


@pytest.mark.parametrize(
    ("normalizer", "splitter", "message"),
    [
        (n.NFKC(), p.Whitespace(), "the normalizer NFKC, which tfbert does not have; it has Sequence, BertNormalizer"),
        (n.Sequence([n.StripAccents(), n.NFD()]), p.Whitespace(), "NFD without StripAccents after it"),
        (n.Replace(tokenizers.Regex("a+"), "b"), p.Whitespace(), "Replace of .*Regex.*single characters"),
        (n.Strip(), None, "Strip without a pre-tokenizer that drops white space"),
        (None, p.Split(tokenizers.Regex("a"), "isolated"), "the pre-tokenizer Split, which tfbert does not have"),
        (None, p.Sequence([p.Whitespace(), p.ByteLevel()]), "the pre-tokenizer ByteLevel"),
        (None, p.Punctuation(behavior="merged_with_next"), "Punctuation with MergedWithNext"),
    ],
)
def test_refused_by_name(normalizer, splitter, message):
    with pytest.raises(ConfigError, match=message):
        both(normalizer, splitter)


@pytest.mark.parametrize("continuation", [None, 2, ["##"], "\ud800"])
def test_a_continuation_is_a_text(continuation):
    with pytest.raises(ConfigError, match="what begins a token that continues a word must be a text"):
        Rules(None, {"type": "Whitespace"}, continuation)


def test_config_and_malformed_bytes():
    ours, theirs = both(None, p.Whitespace(), "@@", 7, ADDED)
    copy = Tokenizer.from_config(json.loads(json.dumps(ours.get_config())))
    assert copy.rules == ours.rules
    broken = [b"a\xff b", b"\xe2\x82"]
    texts = [text.decode("utf-8", "replace") for text in broken]
    assert copy.tokenize(broken).to_list() == [e.ids for e in theirs.encode_batch(texts, add_special_tokens=False)]
    assert [copy.joined(["a", "@@t"]), copy.continues_word[VOCABULARY["@@t"]]] == ["at", True]


def test_in_lite():
    usual = both(FROM_SCRATCH, p.Whitespace(), added=ADDED)[0]
    portable = Tokenizer.from_config(usual.get_config(), portable=True)
    run = runner(lambda text: portable(text, offsets=True), STRINGS)
    for texts in (TEXTS, [""]):
        got = run(text=np.array([text.encode() for text in texts], object))
        for name, values in usual(texts, offsets=True).items():
            assert np.array_equal(got[name], values), name
