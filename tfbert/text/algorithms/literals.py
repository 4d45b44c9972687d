"""A stage of tokenization: texts are split where they spell out special and added tokens.

Shapes: B texts, L literals in all texts together, G = L + B pieces of text between them, T tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfbert.text.algorithms.strips import Strips
from tfbert.text.algorithms.wordpiece_op import wordpiece_op
from tfbert.text.normalizer import normalizer_buffer
from tfbert.text.pieces import Pieces, row_ids, scattered

_RUNS = (1, 2, 4, 8, 16, 32, 64)  # characters of a run of ordinary text that are one token
_CONTROLS = "\x02\x03\x04\x05\x06\x07\x08"  # of one byte, so that the op has little to copy


class Literals:
    """The stage that makes each literal one token and hands the text between them to the `inner` stage.

    The leftmost literal is taken, the longest of several there, as `tokenizers` does. tensorflow_text's WordPiece op
    finds them too: to it a text is one word, of literals and other characters, and it takes the longest first.

    Args:
        ids: {the text of a literal: its id}.
        inner: the stage that follows.
        strips: `Strips`, of literals that take white space along.

    Attributes:
        pattern: a regular expression that a text with a literal matches as a whole.
    """

    def __init__(
        self,
        ids: Mapping[str, int],
        inner: Callable[[tf.Tensor, bool], Pieces],
        strips: Strips | None = None,
    ) -> None:
        import tensorflow_text

        self._inner = inner
        texts = sorted(ids, key=len, reverse=True)
        self.pattern = rf"\C*(?:{'|'.join(map(re.escape, texts))})\C*"
        alphabet = sorted(set("".join(texts)))
        private = map(chr, range(0xF0000, 0xF0003 + len(alphabet)))
        unused = (char for char in (*_CONTROLS, *private) if char not in alphabet)
        other, unknown, suffix = (next(unused) for _ in range(3))
        words = list(dict.fromkeys([*texts, *alphabet])) + [other * length for length in _RUNS]
        # of each token of the op, the unknown one first: the literal's id or -1, and its bytes
        self._ids = np.array([-1, *(ids.get(word, -1) for word in words + words)], np.int32)
        self._strips = None if strips is None or not strips.of_any else strips
        self._sides = None if self._strips is None else self._strips.sides(["", *words, *words])
        self._lengths = np.array([0, *(len(word.encode("utf-8")) for word in words + words)], np.int32)
        with tf.init_scope(), tf.device("/CPU:0"):
            buffer = normalizer_buffer({ord(char): char for char in alphabet}, default=other)
            self._normalizer = tensorflow_text.FastBertNormalizer(model_buffer=tf.constant(np.frombuffer(buffer, "u1")))
            self._bytes = tensorflow_text.ByteSplitter()
            tokens = [unknown, *words, *(suffix + word for word in words)]
            self._op = wordpiece_op(tokens, unknown, suffix, what="added tokens", no_pretokenization=True)

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        ids, splits, starts, ends, sizes, strips = self._find(text)
        # Text b's literals stand between its pieces: one more piece than literals. The piece before literal i is
        # piece i + b, the one after it i + b + 1.
        before = tf.range(tf.size(ids)) + row_ids(splits, tf.size(ids))
        count = tf.size(ids) + tf.size(text)
        begins = scattered(before + 1, ends, count)
        last = splits[1:] + tf.range(tf.size(text))  # each text's last piece ends where the text does
        stops = scattered(tf.concat([before, last], 0), tf.concat([starts, sizes], 0), count)
        piece_splits = splits + tf.range(tf.size(splits))
        long = tf.cast(piece_splits, tf.int64)  # which the op insists on
        between = self._bytes.split_by_offsets(
            text, *(tf.RaggedTensor.from_row_splits(at, long, validate=False) for at in (begins, stops))
        ).flat_values  # [G]
        if self._strips is not None:
            between, begins, starts, ends = self._strips(between, begins, before, starts, ends, strips)
        pieces = self._inner(between, places)

        # A literal comes after all tokens of the pieces before it; a token, after all literals before its piece.
        piece = row_ids(pieces.row_splits, tf.size(pieces.ids))  # [T]
        token_at = tf.range(tf.size(pieces.ids)) + piece - tf.gather(row_ids(piece_splits, count), piece)
        literal_at = tf.gather(pieces.row_splits, before + 1) + tf.range(tf.size(ids))
        order = tf.concat([token_at, literal_at], 0)

        def joined(of_pieces: tf.Tensor, of_literals: tf.Tensor) -> tf.Tensor:
            return scattered(order, tf.concat([of_pieces, of_literals], 0), tf.size(order))

        row_splits = tf.gather(pieces.row_splits, piece_splits) + splits
        if not places:
            return Pieces(joined(pieces.ids, ids), row_splits, None, None, None)
        begin = tf.gather(begins, piece)
        return Pieces(
            joined(pieces.ids, ids),
            row_splits,
            joined(pieces.firsts + begin, starts),
            joined(pieces.lasts + begin, ends - 1),
            joined(pieces.begins, tf.ones_like(ids)),
        )

    def _find(self, text: tf.Tensor) -> tuple[Any, ...]:
        """Returns ids [L], row splits [B + 1], first, end bytes [L] of literals, sizes [B] of texts, strips [L, 2]"""
        spelled, offsets = self._normalizer.normalize_with_offsets(text)
        found, at, _ = self._op.tokenize_with_offsets(spelled)
        splits = tf.cast(found.row_splits, tf.int32)
        offset_splits = tf.cast(offsets.row_splits, tf.int32)
        offsets = tf.cast(offsets.flat_values, tf.int32)
        base = tf.gather(offset_splits, row_ids(splits, tf.size(found.flat_values)))
        starts = tf.gather(offsets, base + tf.cast(at.flat_values, tf.int32))
        ids, lengths = tf.gather(self._ids, found.flat_values), tf.gather(self._lengths, found.flat_values)
        before = tf.cumsum(tf.pad(tf.cast(ids >= 0, tf.int32), [[1, 0]]))
        literals = tf.where(ids >= 0)[:, 0]
        ids, starts, lengths = (tf.gather(values, literals) for values in (ids, starts, lengths))
        sizes = tf.gather(offsets, offset_splits[1:] - 1)
        strips = None if self._sides is None else tf.gather(self._sides, tf.gather(found.flat_values, literals))
        return ids, tf.gather(before, splits), starts, starts + lengths, sizes, strips
