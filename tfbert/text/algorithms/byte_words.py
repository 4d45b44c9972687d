"""The last stage of byte-level BPE: texts are cut into words by GPT-2's regular expression, and words into tokens.

A stage takes texts [B] and gives Pieces whose places are those of these texts. Shapes: B texts, P pieces of the model
and T tokens of all texts together.
"""

from __future__ import annotations

import tensorflow as tf

from tfbert.text.algorithms.byte_bpe_model import BEFORE_LAST_SPACE, CLOSES, OPENS, model_of
from tfbert.text.algorithms.sentencepiece_op import SentencePieceOp
from tfbert.text.algorithms.white_space import SPACE
from tfbert.text.pieces import Pieces, row_ids
from tfbert.text.vocabulary import Vocabulary

# Letters and numbers of the Unicode that `tokenizers` has and RE2 has not yet: the tests compare all code points.
_NEW_LETTERS = (
    r"\x{1C89}-\x{1C8A}\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{105C0}-\x{105F3}\x{10D4A}-\x{10D65}\x{10D6F}-\x{10D85}"
    r"\x{10EC2}-\x{10EC4}\x{11380}-\x{11389}\x{1138B}\x{1138E}\x{11390}-\x{113B5}\x{113B7}\x{113D1}\x{113D3}"
    r"\x{11BC0}-\x{11BE0}\x{13460}-\x{143FA}\x{16100}-\x{1611D}\x{16D40}-\x{16D6C}\x{18CFF}\x{1E5D0}-\x{1E5ED}\x{1E5F0}"
    r"\x{2EBF0}-\x{2EE5D}"
)
_NEW_NUMBERS = (
    r"\x{10D40}-\x{10D49}\x{116D0}-\x{116E3}\x{11BF0}-\x{11BF9}\x{16130}-\x{16139}\x{16D70}-\x{16D79}"
    r"\x{1CCF0}-\x{1CCF9}\x{1E5F1}-\x{1E5FA}"
)
LETTER, NUMBER = rf"\p{{L}}{_NEW_LETTERS}", rf"\p{{N}}{_NEW_NUMBERS}"
# GPT-2's expression. Its `\s+(?!\S)`, white space without the last one before a word, has a look-ahead, which RE2 has
# not: a mark of no class goes before that last space first.
_WORD = rf"'(?:[stmd]|re|ve|ll)| ?[{LETTER}]+| ?[{NUMBER}]+| ?[^{SPACE}{LETTER}{NUMBER}]+|[{SPACE}]+"
_LAST_SPACE = rf"([{SPACE}])([{SPACE}][^{SPACE}])"


class ByteWords:
    """Valid UTF-8 -> tokens, as `tokenizers` with ByteLevel and BPE.

    The operation finds the marks that the expressions put between words; they are of bytes that no text has, so that
    nothing is merged across them.

    Args:
        vocabulary: a Vocabulary with merges.
        unknown_id: as `model_of` has it.
        add_prefix_space: put a space before each text that does not begin with one.

    Raises VocabularyError: the vocabulary cannot spell every text.
    """

    def __init__(self, vocabulary: Vocabulary, unknown_id: int | None, add_prefix_space: bool) -> None:
        self._add_prefix_space = add_prefix_space
        model = model_of(vocabulary, unknown_id)
        self._ids, self._marks, self._opens, self._whole = model.ids, model.marks, model.opens, model.whole
        self._op = SentencePieceOp(model.data)

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        prefixed = text
        if self._add_prefix_space:
            prefixed = tf.strings.regex_replace(text, "^([^ ])", r" \1", replace_global=False)
        marked = tf.strings.regex_replace(prefixed, _LAST_SPACE, rb"\1%c\2" % BEFORE_LAST_SPACE)
        marked = tf.strings.regex_replace(marked, _WORD, rb"%c\0%c" % (OPENS, CLOSES))
        if not places:
            pieces, splits = self._op.tokenize(marked)
            ids, kept, row_splits = self._kept(pieces, splits)
            return Pieces(ids, row_splits, None, None, None)
        pieces, splits, starts, ends = self._op.tokenize_with_offsets(marked)
        ids, kept, row_splits = self._kept(pieces, splits)
        marks = tf.gather(self._marks, pieces)
        row = row_ids(splits, tf.size(pieces))  # [P]
        before = tf.cumsum(tf.pad(marks, [[1, 0]]))  # marks in all texts, before each piece [P + 1]
        shift = before[:-1] - tf.gather(before, tf.gather(splits, row))  # before each piece in its text
        last = ends - shift - marks - 1
        first = starts - shift
        if self._add_prefix_space:  # the space that was put there lies where the text's first character does
            added = tf.gather(tf.strings.length(prefixed) - tf.strings.length(text), row)
            first, last = tf.maximum(first - added, 0), tf.maximum(last - added, 0)
        follows = tf.concat([tf.fill([1], 0), tf.gather(self._opens, pieces)], 0)[:-1]
        begins = tf.maximum(tf.gather(self._whole, pieces), follows)
        return Pieces(ids, row_splits, *(tf.gather(of, kept) for of in (first, last, begins)))

    def _kept(self, pieces: tf.Tensor, splits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns ids of the pieces that are tokens [T], their places among all, and their row splits [B + 1]."""
        ids = tf.gather(self._ids, pieces)
        is_token = ids >= 0
        before = tf.cumsum(tf.pad(tf.cast(is_token, tf.int32), [[1, 0]]))
        kept = tf.where(is_token)[:, 0]
        return tf.gather(ids, kept), kept, tf.gather(before, splits)
