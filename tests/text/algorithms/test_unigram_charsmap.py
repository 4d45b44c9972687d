"""The map of SentencePiece's normalizer with rules for two quotes: what the library makes of it."""

import pytest
from small_sentencepiece import model

from tfbert.errors import ConfigError
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.unigram_charsmap import becomes, with_pairs

PAIRS = {1: ("`", '"'), 2: ("'", '"')}
TEXTS = {
    "x \1\1 \1 \2\2 \1\2": '▁x▁"▁`▁"▁`\'',
    "\2\2\2b\1": "▁\"'b`",
    "": "",
}


def normalizer(charsmap):
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=sp.write(model(charsmap=charsmap))).normalize


def test_a_map_of_its_own():
    normalize = normalizer(with_pairs(b"", PAIRS))
    for text, expected in TEXTS.items():
        assert normalize(text) == expected
    assert normalize("\3ﬁ") == "▁\3ﬁ"


def test_a_real_map_keeps_its_rules(data_dir):
    path = data_dir("vocab/albert-30k/spiece.model")
    charsmap = sp.read(path.read_bytes(), path).charsmap
    normalize = normalizer(with_pairs(charsmap, PAIRS))
    for text, expected in TEXTS.items():
        assert normalize(text) == expected
    assert normalize("\3ﬁ e\u0301\uff21") == "▁fi▁éA"
    assert becomes(charsmap, "▁") == " " and becomes(charsmap, "\1") == "" and becomes(charsmap, "a") is None
    assert becomes(charsmap, "e\u0301") == "é" and becomes(charsmap, "\U0010ffff") is None
    again = with_pairs(with_pairs(b"", PAIRS), PAIRS)
    assert becomes(again, "\1\1") == '"'


@pytest.mark.parametrize(
    ("charsmap", "message"),
    [
        (b"abc", "the normalizer Precompiled is damaged"),
        (b"\xff\xff\xff\xff" + bytes(8), "the normalizer Precompiled is damaged"),
        (b"\x04\0\0\0" + bytes(4), r"keeps the character U\+0001, which quotes need"),
    ],
)
def test_a_map_without_room_is_named(charsmap, message):
    with pytest.raises(ConfigError, match=message):
        with_pairs(charsmap, PAIRS)
