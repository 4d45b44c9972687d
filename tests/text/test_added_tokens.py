"""Added tokens are found where `tokenizers` finds them."""

import pytest
from conftest import assert_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from test_equality import HARD, PARTS

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text import AddedToken, SpecialTokens, Tokenizer, Vocabulary

VERBATIM = ["<e1>", "</e1>", "<e1", "EMAIL", "é", "字b", "a b", "$", "##s", "1.5"]
NORMALIZED = ["covid", "Covid-19", "É", "北京 x", "un", "ab", "abc", "Straße", "!?"]
KINDS = {
    "verbatim": [AddedToken(content) for content in VERBATIM],
    "normalized": [AddedToken(content, normalized=True) for content in NORMALIZED],
    "both": [AddedToken(content, special=True) for content in VERBATIM]
    + [AddedToken(content, normalized=True) for content in NORMALIZED],
}
TEXT = st.lists(st.sampled_from([*VERBATIM, *NORMALIZED, *PARTS, "covid - 19", "COVİD", "b", "c", "/e1>"]), max_size=9)


@pytest.fixture(scope="session")
def vocabulary(small_vocabulary):
    return Vocabulary(dict.fromkeys([*small_vocabulary, *VERBATIM, *NORMALIZED]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lower_case", [True, False])
def test_hard_strings(vocabulary, tokenizers_of, kind, lower_case):
    assert_equal(tokenizers_of(vocabulary, lower_case, added=KINDS[kind]), [*HARD, *VERBATIM, *NORMALIZED])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lower_case", [True, pytest.param(False, marks=pytest.mark.slow)])
@given(st.lists(TEXT.map("".join), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_any_text(vocabulary, tokenizers_of, kind, lower_case, texts):
    assert_equal(tokenizers_of(vocabulary, lower_case, added=KINDS[kind]), texts)


def test_config_round_trip(vocabulary):
    tokenizer = Tokenizer(vocabulary, added_tokens=KINDS["both"])
    copy = Tokenizer.from_config(tokenizer.get_config())
    assert copy.get_config() == tokenizer.get_config()
    assert copy.added_tokens == tokenizer.added_tokens


def test_save_and_read_back(vocabulary, tmp_path):
    tokenizer = Tokenizer(vocabulary, added_tokens=KINDS["both"])
    tokenizer.save(tmp_path)
    copy = Tokenizer.from_folder(tmp_path)
    assert set(copy.added_tokens) == set(tokenizer.added_tokens)
    assert copy(["a b EMAIL covid-19"])["token_ids"].numpy().tolist() == (
        tokenizer(["a b EMAIL covid-19"])["token_ids"].numpy().tolist()
    )


def test_other_names_of_special_tokens():
    vocabulary = Vocabulary(["<pad>", "<unk>", "<s>", "</s>", "the", "[CLS]"])
    with pytest.raises(VocabularyError, match=r"lacks \[UNK\], \[SEP\], \[PAD\]"):
        Tokenizer(vocabulary)
    special = SpecialTokens(unknown="<unk>", start="<s>", separator="</s>", padding="<pad>", mask="<mask>")
    tokenizer = Tokenizer(vocabulary, special_tokens=special)
    assert tokenizer(["the <s> film", "the"])["token_ids"].numpy().tolist() == [[2, 4, 2, 1, 3], [2, 4, 3, 0, 0]]
    assert Tokenizer.from_config(tokenizer.get_config()).special_tokens == special


@pytest.mark.parametrize(
    ("added", "error", "message"),
    [
        ([AddedToken("film")], VocabularyError, "the vocabulary lacks the added token 'film'"),
        ([AddedToken("x" * 300)], VocabularyError, "lacks|refuses"),
    ],
)
def test_an_added_token_that_cannot_be(added, error, message):
    with pytest.raises(error, match=message):
        Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "x" * 300]), added_tokens=added)
    with pytest.raises(VocabularyError, match="is a text"):
        AddedToken("")
    with pytest.raises(ConfigError, match="added_tokens"):
        Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]"]), added_tokens=["x"])


def test_a_token_that_normalization_deletes_is_never_found():
    # `tokenizers` never returns from a text with such a token.
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "\u200d"])
    tokenizer = Tokenizer(vocabulary, added_tokens=[AddedToken("\u200d", normalized=True)])
    assert tokenizer.tokenize(["the\u200d the", ""]).to_list() == [[4, 4], []]


@pytest.mark.parametrize("lower_case", [True, False])
def test_tokens_that_are_added_later(vocabulary, tokenizers_of, lower_case, tmp_path):
    """Those of the vocabulary keep their ids, others get the next ones; found as if they had been there."""
    base = Tokenizer(vocabulary, lower_case, added_tokens=[AddedToken("EMAIL")])
    new = ["[E1]", "<e1>", "[/E1]", "[E1]", "[MASK]", AddedToken("EMAIL", special=True)]
    found = base.with_added_tokens(new)
    assert found.vocabulary.tokens == [*vocabulary.tokens, "[E1]", "[/E1]"]
    assert found.added_tokens == tuple(map(AddedToken, ("EMAIL", "[E1]", "<e1>", "[/E1]")))
    assert found.vocabulary.source == vocabulary.source and len(base.vocabulary) == len(vocabulary)
    _, reference = tokenizers_of(found.vocabulary, lower_case, added=found.added_tokens)
    texts = [*HARD, "a[E1]b [/E1] <e1>", "[e1] [E1", "[E1][E1]"]
    assert_equal((found, reference), texts)
    found.save(tmp_path)
    again = Tokenizer.from_folder(tmp_path)
    assert again.vocabulary.tokens == found.vocabulary.tokens and set(again.added_tokens) == set(found.added_tokens)
    assert base.with_added_tokens(["EMAIL"]) is base
    with pytest.raises(VocabularyError, match="an added token is a text"):
        base.with_added_tokens([""])
