"""What a tokenizer says of its special tokens, and of those that continue a word."""

import pytest

from tfbert.data.pretraining.masking import Masking
from tfbert.errors import ConfigError, VocabularyError
from tfbert.tasks.fill_mask.task import FillMask
from tfbert.text import AddedToken, SpecialTokens, Tokenizer, Vocabulary

WORDS = [
    "[PAD]",
    "[unused0]",
    "[unused12]",
    "[unused]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "un",
    "##seen",
    "##",
    "text",
]


def test_ids():
    tokenizer = Tokenizer(Vocabulary(WORDS))
    assert (tokenizer.padding_id, tokenizer.unknown_id, tokenizer.mask_id) == (0, 4, 7)
    assert tokenizer.special_ids == (5, 6, 0)
    assert (tokenizer.num_special_tokens(), tokenizer.num_special_tokens(2)) == (2, 3)
    masking = Masking.of_tokenizer(tokenizer)
    assert (masking.mask_id, masking.special_ids, masking.vocab_size) == (7, (5, 6, 0), len(WORDS))


@pytest.mark.parametrize("value", [None, 3, ["[UNK]"], {"content": "[UNK]"}])
def test_a_name_is_a_text(value):
    with pytest.raises(ConfigError, match="the name of the unknown token must be a text"):
        SpecialTokens(unknown=value)


def test_other_names():
    vocabulary = Vocabulary(["<mask>", "</s>", "<s>", "<unk>", "<pad>", "text"])
    special = SpecialTokens(unknown="<unk>", start="<s>", separator="</s>", padding="<pad>", mask="<mask>")
    tokenizer = Tokenizer(vocabulary, special_tokens=special)
    assert (tokenizer.padding_id, tokenizer.unknown_id, tokenizer.mask_id) == (4, 3, 0)
    assert tokenizer.special_ids == (2, 1, 4)
    assert "<s>" in special and "[CLS]" not in special


def test_no_mask():
    tokenizer = Tokenizer(Vocabulary([word for word in WORDS if word != "[MASK]"], source="vocab.txt"))
    for needs_it in (lambda: tokenizer.mask_id, lambda: FillMask(tokenizer), lambda: Masking.of_tokenizer(tokenizer)):
        with pytest.raises(VocabularyError, match=r"^vocab\.txt has no \[MASK\], which pretraining needs"):
            needs_it()


def test_unused_tokens():
    assert Tokenizer(Vocabulary(WORDS)).unused_tokens == ["[unused0]", "[unused12]"]
    assert Tokenizer(Vocabulary(WORDS), added_tokens=[AddedToken("[unused0]")]).unused_tokens == ["[unused12]"]


def test_continuations():
    tokenizer = Tokenizer(Vocabulary(WORDS))
    assert [word for word, continues in zip(WORDS, tokenizer.continues_word, strict=True) if continues] == [
        "##seen",
        "##",
    ]
    assert tokenizer.joined(["un", "##seen", "text", "[SEP]"]) == "unseen text [SEP]"
    assert tokenizer.joined([]) == ""
