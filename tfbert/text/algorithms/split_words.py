"""The last stage of WordPiece by any rules: words are runs of characters of one class, and become tokens.

A stage takes texts [B] and gives Pieces whose places are those of these texts. Shapes: B texts, C characters and T
tokens of all texts together, W words of all texts together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfbert.text.algorithms.pre_tokenizers import ALONE, DROPPED
from tfbert.text.algorithms.rules import Rules
from tfbert.text.algorithms.wordpiece_op import wordpiece_op
from tfbert.text.normalizer import normalizer_buffer
from tfbert.text.pieces import Pieces, row_ids
from tfbert.text.vocabulary import Vocabulary

_DROPPED, _ALONE, _FIRST = 1, 2, 3  # bytes that stand for classes; the others follow


class SplitWords:
    """Normalized text -> tokens of its words, as `tokenizers` with a pre-tokenizer of characters and WordPiece.

    Args:
        vocabulary: a Vocabulary.
        unknown: its token for words that it cannot spell.
        rules: `Rules`; their normalizer has done its work.

    Attributes:
        reserved: {code point: another}, which texts must have been translated by: the first is the op's own mark.

    Raises VocabularyError for a vocabulary that tensorflow_text refuses.
    """

    def __init__(self, vocabulary: Vocabulary, unknown: str, rules: Rules) -> None:
        import tensorflow_text

        self._limit = rules.max_word_characters
        self._unknown_id = vocabulary[unknown]
        number = {DROPPED: _DROPPED, ALONE: _ALONE}
        for kind in rules.classes.values():
            number.setdefault(kind, len(number) + 1)
        by_character = {code: chr(number[kind]) for code, kind in rules.classes.items()}
        mark, other, op_unknown = _unused(vocabulary)
        self.reserved = {ord(mark): other}
        words: dict[str, int] = {}
        for token, at in ((token, vocabulary[token]) for token in vocabulary):
            if not 0 < len(token) <= self._limit + len(rules.continuation):
                continue
            words[token] = at  # a word may begin with "##" as well
            if token.startswith(rules.continuation) and token != rules.continuation:
                words[mark + token.removeprefix(rules.continuation)] = at
        self._ids = np.array([self._unknown_id, *words.values()], np.int32)
        with tf.init_scope(), tf.device("/CPU:0"):
            buffer = np.frombuffer(normalizer_buffer(by_character, default=chr(len(number) + 1)), np.uint8)
            self._normalizer = tensorflow_text.FastBertNormalizer(model_buffer=tf.constant(buffer))
            self._bytes = tensorflow_text.ByteSplitter()
            self._op = wordpiece_op([op_unknown, *words], op_unknown, mark, no_pretokenization=True)

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        words, splits, starts, lengths = self._words(text)
        ids, at, ends = self._op.tokenize_with_offsets(words)
        token_splits = tf.cast(ids.row_splits, tf.int32)
        word = row_ids(token_splits, tf.size(ids.flat_values))  # [T]
        first = tf.gather(token_splits, word)
        is_first = tf.range(tf.size(word)) == first
        is_long = tf.gather(lengths > self._limit, word)
        kept = tf.where(is_first | ~is_long)[:, 0]
        before = tf.cumsum(tf.pad(tf.cast(is_first | ~is_long, tf.int32), [[1, 0]]))
        row_splits = tf.gather(before, tf.gather(token_splits, splits))
        found = tf.where(is_long, self._unknown_id, tf.gather(tf.constant(self._ids), ids.flat_values))
        if not places:
            return Pieces(tf.gather(found, kept), row_splits, None, None, None)
        begin = tf.gather(starts, word)
        last = tf.cast(ends.flat_values, tf.int32) - 1
        whole = tf.gather(last, tf.gather(token_splits, word + 1) - 1)  # of the word's last token
        return Pieces(
            tf.gather(found, kept),
            row_splits,
            tf.gather(begin + tf.cast(at.flat_values, tf.int32), kept),
            tf.gather(begin + tf.where(is_long, whole, last), kept),
            tf.gather(tf.cast(is_first, tf.int32), kept),
        )

    def _words(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns words [W], their row splits [B + 1], the byte where each begins and its characters [W]."""
        spelled, offsets = self._normalizer.normalize_with_offsets(text)
        kinds = self._bytes.split(spelled)
        splits, kind = tf.cast(kinds.row_splits, tf.int32), tf.cast(kinds.flat_values, tf.int32)  # [B + 1], [C]
        rows = row_ids(splits, tf.size(kind))
        places = tf.cast(offsets.flat_values, tf.int32)  # a text has one more than characters, for its end
        at = tf.range(tf.size(kind)) + rows
        start, end = tf.gather(places, at), tf.gather(places, at + 1)
        previous = tf.concat([tf.fill([1], 0), kind], 0)[:-1]
        is_first = tf.range(tf.size(kind)) == tf.gather(splits, rows)
        begins = is_first | (kind != previous) | (kind == _ALONE)
        # A word ends where the next run begins, or its text ends.
        run = tf.cumsum(tf.cast(begins, tf.int32)) - 1  # [C]
        firsts = tf.where(begins)[:, 0]
        count = tf.size(firsts)
        stops = tf.concat([tf.cast(firsts, tf.int32), tf.fill([1], tf.size(kind))], 0)[1:]
        keep = tf.gather(kind, firsts) != _DROPPED
        word = tf.where(keep)[:, 0]
        starts = tf.gather(tf.gather(start, firsts), word)
        ends = tf.gather(tf.gather(end, stops - 1), word)
        lengths = tf.gather(stops - tf.cast(firsts, tf.int32), word)
        before = tf.cumsum(tf.pad(tf.cast(keep, tf.int32), [[1, 0]]))  # [runs + 1]
        runs = tf.concat([run, tf.fill([1], count)], 0)  # the run of each character, and of none
        word_splits = tf.gather(before, tf.gather(runs, splits))
        long = tf.cast(word_splits, tf.int64)  # which the op insists on
        words = self._bytes.split_by_offsets(
            text, *(tf.RaggedTensor.from_row_splits(of, long, validate=False) for of in (starts, ends))
        ).flat_values
        return words, word_splits, starts, lengths


def _unused(vocabulary: Vocabulary) -> Iterator[str]:
    """Three private-use characters that no token has."""
    taken = set("".join(vocabulary))
    private = (chr(code) for code in range(0xF0000, 0xFFFFE) if chr(code) not in taken)
    return (next(private) for _ in range(3))
