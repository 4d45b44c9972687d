"""Two stages of WordPiece tokenization: characters are normalized, and words become tokens.

A stage takes texts [B] and gives Pieces whose places are those of these texts. Shapes: B texts, T tokens of all
texts together, W words of all texts together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tfbert.text.algorithms.characters import stand_ins
from tfbert.text.algorithms.rules import CONTINUATION, MAX_WORD_CHARACTERS
from tfbert.text.algorithms.wordpiece_op import wordpiece_op
from tfbert.text.normalizer import normalizer_buffer
from tfbert.text.offsets import CharacterTable
from tfbert.text.pieces import Pieces, row_ids
from tfbert.text.vocabulary import Vocabulary

# tensorflow_text counts bytes: room for 100 characters of 4. The limit above is applied afterwards.
_MAX_WORD_BYTES = 4 * MAX_WORD_CHARACTERS

# A normalized text that may hold a longer word: Chinese characters are words of their own there.
LONG_WORD = rf"\C*[^ \x{{3400}}-\x{{4DBF}}\x{{4E00}}-\x{{9FFF}}]{{{MAX_WORD_CHARACTERS + 1}}}\C*"

_NEVER = "\x02"  # BERT deletes control characters, so no word is spelled with one


class Normalized:
    """The stage that replaces characters and hands the text to the `inner` stage.

    Args:
        characters: {code point: the text that takes its place}.
        inner: the stage that follows.
        malformed: what takes the place of malformed UTF-8.
    """

    def __init__(
        self, characters: Mapping[int, str], inner: Callable[[tf.Tensor, bool], Pieces], malformed: str = ""
    ) -> None:
        import tensorflow_text  # here, so that ids-in models load and train without it

        self._inner = inner
        # Made on the CPU, where the string ops are, and outside of any graph under construction.
        with tf.init_scope(), tf.device("/CPU:0"):
            buffer = np.frombuffer(normalizer_buffer(characters, malformed=malformed), np.uint8)
            self._op = tensorflow_text.FastBertNormalizer(model_buffer=tf.constant(buffer))

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        normalized, offsets = self.replace(text, places)
        return self.placed(self._inner(normalized, places), offsets)

    def replace(self, text: tf.Tensor, places: bool) -> tuple[tf.Tensor, tf.RaggedTensor | None]:
        """Returns the normalized text [B] and, with `places`, where its bytes come from; None without."""
        return self._op.normalize_with_offsets(text) if places else (self._op.normalize(text), None)

    @staticmethod
    def placed(pieces: Pieces, offsets: tf.RaggedTensor | None) -> Pieces:
        """Returns pieces of the normalized text with their places in the text itself."""
        if offsets is None:
            return pieces
        base = tf.gather(tf.cast(offsets.row_splits, tf.int32), row_ids(pieces.row_splits, tf.size(pieces.ids)))
        offsets = tf.cast(offsets.flat_values, tf.int32)
        firsts, lasts = (tf.gather(offsets, base + at) for at in (pieces.firsts, pieces.lasts))
        return pieces._replace(firsts=firsts, lasts=lasts)


class Words:
    """The last stage: normalized text -> tokens of its words, as `tokenizers` with BertPreTokenizer and WordPiece.

    Args:
        vocabulary: a Vocabulary.
        unknown: its token for words that it cannot spell.
        tokenize_chinese_chars: whether each Chinese character is a word.

    Raises VocabularyError for a vocabulary that tensorflow_text refuses.
    """

    def __init__(self, vocabulary: Vocabulary, unknown: str, tokenize_chinese_chars: bool) -> None:
        self._unknown_id = vocabulary[unknown]
        self._begins_word = np.array([not token.startswith(CONTINUATION) for token in vocabulary], np.int32)
        self._characters = CharacterTable()
        with tf.init_scope(), tf.device("/CPU:0"):
            tokens = _matchable(vocabulary, unknown, stand_ins(tokenize_chinese_chars))
            self._op = wordpiece_op(tokens, unknown, CONTINUATION, most_bytes=_MAX_WORD_BYTES)

    def __call__(self, text: tf.Tensor, places: bool) -> Pieces:
        pieces = self._without_long_words(text, self.tokens(text, True))
        return pieces if places else pieces.without_places()

    def tokens(self, text: tf.Tensor, places: bool) -> Pieces:
        """As a call, except for words of more than MAX_WORD_CHARACTERS characters."""
        ids, starts, ends = self._op.tokenize_with_offsets(text)
        row_splits = tf.cast(ids.row_splits, tf.int32)
        if not places:
            return Pieces(ids.flat_values, row_splits, None, None, None)
        firsts, lasts = tf.cast(starts.flat_values, tf.int32), tf.cast(ends.flat_values, tf.int32) - 1
        begins = tf.gather(tf.constant(self._begins_word), ids.flat_values)
        return Pieces(ids.flat_values, row_splits, firsts, lasts, begins)

    def _without_long_words(self, text: tf.Tensor, pieces: Pieces) -> Pieces:
        """Makes each longer word one [UNK], which covers all of it."""
        first, last = self._characters.numbers(text, pieces)
        # A text's first token begins a word, so that words end where texts end.
        begins = tf.where(pieces.begins > 0)[:, 0]  # [W]
        ends = tf.concat([begins, tf.fill([1], tf.size(pieces.ids, tf.int64))], 0)[1:] - 1
        word = tf.cumsum(pieces.begins) - 1  # [T]
        length = 1 + tf.gather(last, ends) - tf.gather(first, begins)  # [W] characters
        is_long = tf.gather(length > MAX_WORD_CHARACTERS, word)  # [T]
        last_byte = tf.gather(tf.gather(pieces.lasts, ends), word)
        keep = tf.cast((pieces.begins > 0) | ~is_long, tf.int32)
        before = tf.cumsum(tf.pad(keep, [[1, 0]]))
        kept = tf.where(keep > 0)[:, 0]
        return Pieces(
            tf.gather(tf.where(is_long, self._unknown_id, pieces.ids), kept),
            tf.gather(before, pieces.row_splits),
            tf.gather(pieces.firsts, kept),
            tf.gather(tf.where(is_long, last_byte, pieces.lasts), kept),
            tf.gather(pieces.begins, kept),
        )


def _matchable(vocabulary: Vocabulary, unknown: str, stand_ins: Mapping[int, str]) -> list[str]:
    """Returns the tokens for the op, which refuses duplicates: those that no word can match get names of their own."""
    tokens, strange = [], set(stand_ins.values())
    for number, token in enumerate(vocabulary):
        body = token.removeprefix(CONTINUATION)
        never = vocabulary[token] != number or not body or " " in body or len(body) > MAX_WORD_CHARACTERS
        if token != unknown and (never or not strange.isdisjoint(body)):
            tokens.append(f"{_NEVER}{number}")
        else:
            tokens.append(token.translate(stand_ins))
    return tokens
