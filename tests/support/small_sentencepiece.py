"""A small SentencePiece model, as its library would write it, and what it makes of some texts."""

from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.sentencepiece_model import Piece, SentencePieceModel

LETTERS = "abcdefghilmnorstuvwxyz.,!'\"123é"
WORDS = {
    "▁": -2.0,
    "▁the": -2.5,
    "▁a": -3.0,
    "▁film": -4.0,
    "film": -5.0,
    "s": -2.75,
    "er": -4.25,
    "▁fi": -5.5,
    "☃☃": -6.0,
}


def model(names=("<unk>", "<s>", "</s>"), unknown="<unk>", more=(), **settings):
    """A model whose first pieces have the given names."""
    pieces = [Piece(name.encode(), 0.0, sp.UNKNOWN if name == unknown else sp.CONTROL) for name in names]
    scores = {**WORDS, **{letter: -7.0 - number / 8 for number, letter in enumerate(LETTERS) if letter not in WORDS}}
    pieces += [Piece(text.encode(), score) for text, score in {**scores, **dict(more)}.items()]
    return SentencePieceModel(tuple(pieces), unk_id=names.index(unknown), **settings)
