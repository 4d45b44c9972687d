"""SentencePiece models in which each character of a piece is a piece by itself, so that unknown ones are no choice.

Trained models are so. In one that lost pieces, a character may be unknown at one place and part of a piece at another:
tensorflow_text's fast operation weighs that by bytes, SentencePiece's library by characters. Here such characters get
pieces of their own, with the score that the library gives to an unknown one, and are made unknown afterwards.

Shapes: B texts, T tokens of all texts together, V pieces, E pieces that were added.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.sentencepiece_model import SPACE, Piece, SentencePieceModel
from tfbert.text.pieces import Pieces, row_ids, when

_UNKNOWN_COSTS = 10  # more than the rarest piece, as in the library's unigram_model.cc
_MATCHED = (sp.NORMAL, sp.USER_DEFINED)


class Closed:
    """A model with the pieces that close it.

    Attributes:
        model: with E pieces more.
        characters: those of all pieces that texts match, but the space.

    >>> pieces = (Piece(b"<unk>", 0.0, sp.UNKNOWN), Piece(b"a", -1.0), Piece(b"ab", -2.0))
    >>> Closed(SentencePieceModel(pieces)).model.pieces[3:]
    (Piece(text=b'b', score=-12.0, kind=1),)
    """

    def __init__(self, model: SentencePieceModel) -> None:
        matched = [piece.text.decode("utf-8") for piece in model.pieces if piece.kind in _MATCHED]
        self.characters = sorted(set("".join(matched)) - {SPACE})
        own = set(matched)
        least = min((piece.score for piece in model.pieces if piece.kind == sp.NORMAL), default=0.0)
        score = float(np.float32(least) - np.float32(_UNKNOWN_COSTS))
        more = [Piece(char.encode("utf-8"), score) for char in self.characters if char not in own]
        added = {piece.text for piece in more}
        # A piece that no text may match gives its name to the one that was added, for names are unique.
        pieces = [
            piece._replace(text=b"\x02%d" % number) if piece.text in added else piece
            for number, piece in enumerate(model.pieces)
        ]
        self.model = dataclasses.replace(model, pieces=(*pieces, *more))
        self._ids = np.array([*range(len(pieces)), *[model.unk_id] * len(more)], np.int32) if more else None
        self._size, self._unknown = len(pieces), model.unk_id

    def opened(self, pieces: Pieces, portable: bool) -> Pieces:
        """Returns tokens of the closed model as those of the model itself; neighbours that are unknown are one."""
        if self._ids is None:
            return pieces
        if portable:
            return self._opened(pieces)
        return when(tf.reduce_any(pieces.ids >= self._size), lambda: self._opened(pieces), lambda: pieces)

    def _opened(self, pieces: Pieces) -> Pieces:
        assert self._ids is not None
        ids = tf.gather(tf.constant(self._ids), pieces.ids)
        rows = row_ids(pieces.row_splits, tf.size(ids))
        is_unknown = ids == self._unknown
        joins = is_unknown[1:] & is_unknown[:-1] & (rows[1:] == rows[:-1])
        begins = tf.concat([tf.ones_like(is_unknown[:1]), ~joins], 0)
        kept = tf.where(begins)[:, 0]
        before = tf.cumsum(tf.pad(tf.cast(begins, tf.int32), [[1, 0]]))
        row_splits = tf.gather(before, pieces.row_splits)
        ids = tf.gather(ids, kept)
        if pieces.firsts is None:
            return Pieces(ids, row_splits, None, None, None)
        ends = tf.where(tf.concat([~joins, tf.ones_like(is_unknown[:1])], 0))[:, 0]
        firsts, word_begins = tf.gather(pieces.firsts, kept), tf.gather(pieces.begins, kept)
        return Pieces(ids, row_splits, firsts, tf.gather(pieces.lasts, ends), word_begins)
