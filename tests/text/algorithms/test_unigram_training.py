"""SentencePiece models from text: the same ones for the same text."""

import pytest
import sentencepiece  # noqa: F401

from tfbert.errors import ConfigError, DataError
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.unigram_training import train_unigram

TEXT = ["The films that we saw were old films; a film is never old.\nＯld ﬁlms", "we saw it 12 times, été compris"] * 30


def test_the_same_text_gives_the_same_model():
    first, second = (train_unigram(lambda: TEXT, 60) for _ in range(2))
    assert first == second and 30 < len(first.tokens) <= 60
    assert first.tokens[:4] == ["<s>", "<pad>", "</s>", "<unk>"] and first.tokens[-1] == "<mask>"
    assert {char for text in TEXT for char in text} - set(" \nＯﬁ") <= set(first.tokens)
    assert "▁film" in first.tokens or "▁films" in first.tokens
    assert first.model.kind == "unigram" and first.template["before"] == (0,)


def test_a_small_text_gives_fewer_tokens():
    assert len(train_unigram(lambda: ["the films"] * 3, 1000).tokens) < 100


def test_bpe_in_lower_case():
    found = train_unigram(lambda: TEXT, 60, lower_case=True, kind="bpe")
    assert found.model.kind == "bpe" and not any(token.isupper() for token in found.tokens)
    assert all(piece.score <= 0 for piece in found.model.pieces) and found.model.pieces[3].kind == sp.UNKNOWN


def test_a_line_of_any_length_is_learned_from():
    assert "é" in train_unigram(lambda: ["a b é " * 5000, "c d"], 30).tokens


@pytest.mark.parametrize(
    ("text", "size", "error", "message"),
    [
        ([], 100, DataError, "there is no text"),
        (["  \n"], 100, DataError, "there is no text"),
        (TEXT, 20, ConfigError, "no model of 20 tokens can be trained: "),
    ],
)
def test_what_cannot_be_trained_is_named(text, size, error, message):
    with pytest.raises(error, match=message):
        train_unigram(lambda: text, size)
