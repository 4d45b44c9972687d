"""A byte-level BPE vocabulary from text."""

import pytest
from byte_bpe_kinds import CORPUS

from tfbert.errors import ConfigError, DataError
from tfbert.text import Tokenizer
from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules
from tfbert.text.algorithms.byte_letters import LETTERS
from tfbert.text.algorithms.train_byte_bpe import train_byte_bpe


def test_the_same_text_gives_the_same_vocabulary():
    first, second = (train_byte_bpe(lambda: CORPUS, 400) for _ in range(2))
    assert first.tokens == second.tokens and first.merges == second.merges
    assert first.tokens[:5] == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    assert len(first) == 400 and len(first.merges) == 400 - 5 - 256
    assert set(first.tokens[5:261]) == set(LETTERS.values())
    tokenizer = Tokenizer(first, rules=ByteBpeRules())
    texts = ["the films", "ὈΔΥΣ\U0001f600", " x\n"]
    assert [text.decode() for text in tokenizer.detokenize(tokenizer.tokenize(texts)).numpy()] == texts


def test_what_cannot_be():
    with pytest.raises(ConfigError, match="size 260 is too small.* are 261"):
        train_byte_bpe(lambda: CORPUS, 260)
    with pytest.raises(DataError, match="no text"):
        train_byte_bpe(lambda: ["", "\n"], 300)
