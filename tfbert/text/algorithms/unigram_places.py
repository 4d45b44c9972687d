"""Where the tokens of a SentencePiece model lie in their texts.

Shapes: B texts; T tokens, C characters, and N characters but spaces, of all texts together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.sentencepiece_model import SPACE, Piece, SentencePieceModel
from tfbert.text.algorithms.sentencepiece_op import SentencePieceOp
from tfbert.text.pieces import Pieces, row_ids, scattered

_INSIDE, _KNOWN, _FOREIGN, _SPACE = range(4)  # kinds of the operation's tokens; those of the first begin no character


class Places:
    """Finds tokens in texts by the number of their characters; the text is normalized by a model of characters.

    A token's first byte is that of its first character, or of the space before it; its last, where its last
    character begins. A token of a space alone has the character after it. An unknown token is a run of characters
    that no piece has.

    Args:
        model: the model that gave the tokens; its pieces have a space at most as their first character.
        characters: those of its pieces, each a piece by itself.
        splits_white_space: no token covers a space.
    """

    def __init__(self, model: SentencePieceModel, characters: Sequence[str], splits_white_space: bool) -> None:
        self._splits = splits_white_space
        texts = [piece.text.decode("utf-8") for piece in model.pieces]
        self._is_unknown = np.array([piece.kind == sp.UNKNOWN for piece in model.pieces])
        self._begins = np.array([text.startswith(SPACE) for text in texts], np.int32) * ~self._is_unknown
        self._lengths = np.array([len(text.removeprefix(SPACE)) for text in texts], np.int32)
        # A character of no piece comes as its bytes: that there is no unknown one keeps neighbours apart.
        pieces = [Piece(b"<unk>", 0.0, sp.UNKNOWN)]
        pieces += [Piece(b"<0x%02X>" % byte, 0.0, sp.BYTE) for byte in range(256)]
        pieces += [Piece(char.encode("utf-8")) for char in (SPACE, *characters)]
        of_bytes = [_INSIDE if 0x80 <= byte < 0xC0 else _FOREIGN for byte in range(256)]
        self._kinds = np.array([_FOREIGN, *of_bytes, _SPACE, *[_KNOWN] * len(characters)], np.int32)
        flags = {"add_dummy_prefix": False, "remove_extra_whitespaces": False, "byte_fallback": True}
        self._op = SentencePieceOp(sp.write(SentencePieceModel(tuple(pieces), sp.CHARACTERS, model.charsmap, **flags)))

    def __call__(self, text: tf.Tensor, ids: tf.Tensor, row_splits: tf.Tensor) -> Pieces:
        """Returns the tokens `ids` [T], with `row_splits` [B + 1], of `text` [B] with their places."""
        start, space, run_lengths = self._characters(text)
        begins, lengths, is_unknown = (
            tf.gather(tf.constant(of), ids) for of in (self._begins, self._lengths, self._is_unknown)
        )
        run = tf.cumsum(tf.cast(is_unknown, tf.int32), exclusive=True)
        lengths = tf.where(is_unknown, tf.gather(run_lengths, tf.where(is_unknown, run, 0)), lengths)
        first = tf.cumsum(lengths, exclusive=True)  # the number of each token's first character
        starts = tf.gather(start, first)
        if not self._splits:
            starts = tf.where(begins > 0, tf.gather(space, first), starts)
        last = tf.gather(start, first + tf.maximum(lengths, 1) - 1)
        return Pieces(ids, row_splits, starts, tf.where(lengths > 0, last, starts), begins)

    def _characters(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """First bytes of characters but spaces and of the space before them [N]; lengths of runs of foreign ones."""
        ids, splits, starts = self._op.tokenize_with_starts(text)
        kinds = tf.gather(tf.constant(self._kinds), ids)
        rows = row_ids(splits, tf.size(ids))
        at = tf.where(kinds != _INSIDE)[:, 0]
        kind, start, row = (tf.gather(values, at) for values in (kinds, starts, rows))  # [C]
        before = tf.concat([start[:1], start[:-1]], 0)
        after_space = tf.concat([tf.zeros_like(kind[:1], tf.bool), kind[:-1] == _SPACE], 0)
        chosen = tf.where(kind != _SPACE)[:, 0]
        start, before, row, after_space, kind = (
            tf.gather(values, chosen) for values in (start, before, row, after_space, kind)
        )
        same_row = tf.concat([tf.zeros_like(row[:1], tf.bool), row[1:] == row[:-1]], 0)
        foreign = kind == _FOREIGN
        follows = same_row & ~after_space & tf.concat([tf.zeros_like(foreign[:1]), foreign[:-1]], 0)
        run_begins = tf.cast(foreign & ~follows, tf.int32)
        run = tf.maximum(tf.cumsum(run_begins) - 1, 0)
        run_lengths = scattered(run, tf.cast(foreign, tf.int32), tf.reduce_sum(run_begins) + 1)
        # A text's first token covers no space: both ends are stripped.
        return start, tf.where(after_space & same_row, before, start), run_lengths
