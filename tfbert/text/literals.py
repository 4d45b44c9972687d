"""A stage of tokenization: texts are split where they spell out special and added tokens.

Shapes: B texts, L literals in all texts together, G = L + B pieces of text between them, T tokens.
"""

import re

import numpy as np
import tensorflow as tf

from tfbert.errors import VocabularyError
from tfbert.text.normalizer import normalizer_buffer
from tfbert.text.pieces import Pieces, row_ids, scattered, when

_NO_LIMIT = 2**31 - 1


class Literals:
    """The stage that makes each literal one token and hands the text between them to the `inner` stage.

    The leftmost literal is taken, the longest of several there, as `tokenizers` does. They are found by
    tensorflow_text's ops as well: all characters that no literal has become spaces, and WordPiece takes the
    longest first from what remains.

    Args:
        ids: {the text of a literal: its id}.
        inner: the stage that follows.
        portable: use only ops that LiteRT has with tensorflow_text's kernels, and no conditions.
    """

    def __init__(self, ids, inner, portable=False):
        import tensorflow_text

        self._inner, self._portable = inner, portable
        texts = sorted(ids, key=len, reverse=True)
        self._pattern = rf"\C*(?:{'|'.join(map(re.escape, texts))})\C*"
        alphabet = sorted(set("".join(texts)))
        # Spaces separate the words of the op: those inside a literal are spelled by characters that it lacks.
        others = (chr(code) for code in range(0xF0000, 0xF0000 + 2 * len(alphabet) + 2) if chr(code) not in alphabet)
        spelled = {ord(char): next(others) if char.isspace() or char == "\x00" else char for char in alphabet}
        unknown, suffix = next(others), next(others)
        words = list(dict.fromkeys([*(text.translate(spelled) for text in texts), *spelled.values()]))
        found = {text.translate(spelled): number for text, number in ids.items()}
        lengths = {text.translate(spelled): len(text.encode("utf-8")) for text in texts}
        # of each token of the op, the unknown one first: the literal's id or -1, and its bytes
        self._ids = np.array([-1, *(found.get(word, -1) for word in words + words)], np.int32)
        self._lengths = np.array([0, *(lengths.get(word, 0) for word in words + words)], np.int32)
        with tf.init_scope(), tf.device("/CPU:0"):
            buffer = np.frombuffer(normalizer_buffer(spelled, default=" "), np.uint8)
            self._normalizer = tensorflow_text.FastBertNormalizer(model_buffer=tf.constant(buffer))
            self._words = tensorflow_text.WhitespaceTokenizer()
            self._bytes = tensorflow_text.ByteSplitter()
            try:
                self._op = tensorflow_text.FastWordpieceTokenizer(
                    vocab=[unknown, *words, *(suffix + word for word in words)],
                    unknown_token=unknown,
                    suffix_indicator=suffix,
                    max_bytes_per_word=_NO_LIMIT,
                    no_pretokenization=True,
                    token_out_type=tf.int32,
                )
            except RuntimeError as error:
                raise VocabularyError(f"tensorflow_text refuses the added tokens: {error}") from error

    def __call__(self, text, places):
        if self._portable:
            return self._split(text, places)
        found = tf.reduce_any(tf.strings.regex_full_match(text, self._pattern))
        return when(found, lambda: self._split(text, places), lambda: self._inner(text, places))

    def _split(self, text, places):
        ids, splits, starts, ends, sizes = self._find(text)
        rows = row_ids(splits, tf.size(ids))  # [L]
        number = tf.range(tf.size(ids))
        # Text b's literals stand between its pieces: one more piece than literals. The piece before literal i is
        # piece i + b, the one after it i + b + 1.
        count = tf.size(ids) + tf.size(text)
        begins = scattered(number + rows + 1, ends, count)
        last = splits[1:] + tf.range(tf.size(text))  # each text's last piece ends where the text does
        at = tf.concat([number + rows, last], 0)
        stops = scattered(at, tf.concat([starts, sizes], 0), count)
        between_splits = splits + tf.range(tf.size(text) + 1)
        between = self._bytes.split_by_offsets(
            text,
            tf.RaggedTensor.from_row_splits(begins, tf.cast(between_splits, tf.int64), validate=False),
            tf.RaggedTensor.from_row_splits(stops, tf.cast(between_splits, tf.int64), validate=False),
        ).flat_values  # [G]
        pieces = self._inner(between, places)

        # A literal comes after all tokens of the pieces before it; a token, after all literals before its piece.
        total = tf.size(pieces.ids) + tf.size(ids)
        piece = row_ids(pieces.row_splits, tf.size(pieces.ids))  # [T]
        text_of_piece = row_ids(between_splits, count)  # [G]
        token_at = tf.range(tf.size(pieces.ids)) + piece - tf.gather(text_of_piece, piece)
        literal_at = tf.gather(pieces.row_splits, number + rows + 1) + number
        order = tf.concat([token_at, literal_at], 0)

        def joined(of_pieces, of_literals):
            return scattered(order, tf.concat([of_pieces, of_literals], 0), total)

        row_splits = tf.gather(pieces.row_splits, between_splits) + splits
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

    def _find(self, text):
        """The literals of `text` [B]: ids [L], row splits [B + 1], bytes starts and ends [L]; bytes of a text [B]."""
        spelled, offsets = self._normalizer.normalize_with_offsets(text)
        words, word_starts, _ = self._words.tokenize_with_offsets(spelled)
        found, starts, _ = self._op.tokenize_with_offsets(words.flat_values)
        word = row_ids(tf.cast(found.row_splits, tf.int32), tf.size(found.flat_values))
        word_splits = tf.cast(words.row_splits, tf.int32)
        row = row_ids(word_splits, tf.size(words.flat_values))
        offset_splits = tf.cast(offsets.row_splits, tf.int32)
        offsets = tf.cast(offsets.flat_values, tf.int32)
        at = tf.cast(word_starts.flat_values, tf.int32) + tf.gather(offset_splits, row)  # of words
        at = tf.gather(at, word) + tf.cast(starts.flat_values, tf.int32)
        starts = tf.gather(offsets, at)
        ids, sizes = tf.gather(self._ids, found.flat_values), tf.gather(self._lengths, found.flat_values)
        is_literal = ids >= 0
        before = tf.cumsum(tf.pad(tf.cast(is_literal, tf.int32), [[1, 0]]))
        splits = tf.gather(before, tf.gather(tf.cast(found.row_splits, tf.int32), word_splits))
        starts = tf.boolean_mask(starts, is_literal)
        ends = starts + tf.boolean_mask(sizes, is_literal)
        return tf.boolean_mask(ids, is_literal), splits, starts, ends, tf.gather(offsets, offset_splits[1:] - 1)
