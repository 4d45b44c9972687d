"""The tokenizer against BERT's rules written out in plain Python."""

import pytest
from bert_specification import tokenize
from hypothesis import given, settings
from hypothesis import strategies as st

# Letters, accents, punctuation and spaces that every Unicode version agrees on, and no final sigma.
ALPHABET = "thefilmsunablyingcaéÉéñÖßHELOWD字北京ab12!,.'#$-–¿…\t\n \u00a0\u200d\u00ad\ufffdกあ한½"


@pytest.mark.parametrize("lower_case", [True, False])
@given(texts=st.lists(st.text(ALPHABET, max_size=60), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_equals_the_specification(small_vocabulary, tokenizers_of, lower_case, texts):
    tokenizer, _ = tokenizers_of(small_vocabulary, lower_case)
    got = [[small_vocabulary.tokens[i] for i in row] for row in tokenizer.tokenize(texts).to_list()]
    assert got == [tokenize(text, small_vocabulary, lower_case) for text in texts]


def test_known_example(small_vocabulary, tokenizers_of):
    tokenizer, _ = tokenizers_of(small_vocabulary)
    ids = tokenizer.tokenize(["Unaffable FILMS, 北京!"]).to_list()[0]
    tokens = [small_vocabulary.tokens[i] for i in ids]
    assert tokens == ["un", "##aff", "##able", "film", "##s", ",", "北", "京", "!"]
