"""The last stage of byte-level BPE: texts are cut into words by GPT-2's regular expression, and words into tokens.

A stage takes texts [B] and gives Pieces whose places are those of these texts. B texts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfbert.text.algorithms.byte_bpe_model import MARK
from tfbert.text.algorithms.byte_letters import raw
from tfbert.text.algorithms.byte_tokens import ByteTokens
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
# not: a mark goes before that last space first.
_WORD = rf"'(?:[stmd]|re|ve|ll)| ?[{LETTER}]+| ?[{NUMBER}]+| ?[^{SPACE}{LETTER}{NUMBER}]+|[{SPACE}]+"
_LAST_SPACE = rf"([{SPACE}])([{SPACE}][^{SPACE}])"


class ByteWords:
    """Valid UTF-8 -> tokens, as `tokenizers` with ByteLevel and BPE.

    Expressions put a mark before each word. It is of a byte that no text has, so that nothing is merged across it.

    Args:
        vocabulary: a Vocabulary with merges.
        unknown_id: as `merge_model` has it.
        add_prefix_space: put a space before each text that does not begin with one.
        runs: as `word_model` has them; it must be empty, or have all lengths from 2 on.

    Raises VocabularyError: the vocabulary cannot spell every text.
    """

    def __init__(
        self, vocabulary: Vocabulary, unknown_id: int | None, add_prefix_space: bool, runs: Mapping[int, int]
    ) -> None:
        self._add_prefix_space = add_prefix_space
        self._run = f" {{2,{max(runs)}}}" if runs else None
        self._tokens = ByteTokens(vocabulary, unknown_id, runs)
        self._sizes = np.array([len(raw(token)) for token in vocabulary], np.int32)
        if unknown_id is not None:
            self._sizes[unknown_id] = 1

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        prefixed = text
        if self._add_prefix_space:
            prefixed = tf.strings.regex_replace(text, "^([^ ])", r" \1", replace_global=False)
        marked = prefixed
        if self._run is not None:
            marked = tf.strings.regex_replace(marked, self._run, rb"%c\0%c" % (MARK, MARK))
        marked = tf.strings.regex_replace(marked, _LAST_SPACE, rb"\1%c\2" % MARK)
        ids, splits, begins = self._tokens(tf.strings.regex_replace(marked, _WORD, rb"%c\0" % MARK), places)
        if not places:
            return Pieces(ids, splits, None, None, None)
        # All bytes of a text are those of its tokens.
        sizes = tf.gather(self._sizes, ids)
        row = row_ids(splits, tf.size(ids))
        lengths = tf.strings.length(prefixed)
        first = tf.cumsum(sizes, exclusive=True) - tf.gather(tf.cumsum(lengths, exclusive=True), row)
        last = first + sizes - 1
        if self._add_prefix_space:  # the space that was put there lies where the text's first character does
            added = tf.gather(lengths - tf.strings.length(text), row)
            first, last = tf.maximum(first - added, 0), tf.maximum(last - added, 0)
        return Pieces(ids, splits, first, last, begins)
