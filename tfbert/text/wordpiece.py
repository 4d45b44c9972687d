"""Two stages of tokenization: characters are normalized, and words become WordPiece tokens.

A stage takes texts [B] and gives Pieces whose places are those of these texts. Shapes: B texts, T tokens of all
texts together, W words of all texts together.
"""

import numpy as np
import tensorflow as tf

from tfbert.errors import VocabularyError
from tfbert.text.characters import stand_ins
from tfbert.text.normalizer import normalizer_buffer
from tfbert.text.pieces import Pieces, row_ids, when
from tfbert.text.places import CharacterTable

MAX_WORD_CHARACTERS = 100  # BERT's limit: a longer word is [UNK]

# tensorflow_text counts bytes: room for 100 characters of 4. The limit above is applied afterwards.
_MAX_WORD_BYTES = 4 * MAX_WORD_CHARACTERS

# A normalized text that may hold a longer word: Chinese characters are words of their own there.
_LONG_WORD = rf"\C*[^ \x{{3400}}-\x{{4DBF}}\x{{4E00}}-\x{{9FFF}}]{{{MAX_WORD_CHARACTERS + 1}}}\C*"

_NEVER = "\x02"  # BERT deletes control characters, so no word is spelled with one


class Normalized:
    """The stage that replaces characters and hands the text to the `inner` stage.

    Args:
        characters: {code point: the text that takes its place}.
        inner: the stage that follows.
    """

    def __init__(self, characters, inner):
        import tensorflow_text  # here, so that ids-in models load and train without it

        self._inner = inner
        # Made on the CPU, where the string ops are, and outside of any graph under construction.
        with tf.init_scope(), tf.device("/CPU:0"):
            buffer = np.frombuffer(normalizer_buffer(characters), np.uint8)
            self._op = tensorflow_text.FastBertNormalizer(model_buffer=tf.constant(buffer))

    def __call__(self, text, places):
        if not places:
            return self._inner(self._op.normalize(text), False)
        normalized, offsets = self._op.normalize_with_offsets(text)
        pieces = self._inner(normalized, True)
        begins = tf.cast(offsets.row_splits, tf.int32)
        base = tf.gather(begins, row_ids(pieces.row_splits, tf.size(pieces.ids)))
        offsets = tf.cast(offsets.flat_values, tf.int32)
        return pieces._replace(
            firsts=tf.gather(offsets, base + pieces.firsts), lasts=tf.gather(offsets, base + pieces.lasts)
        )


class WordPiece:
    """The last stage: normalized text -> tokens of its words, as `tokenizers` with BertPreTokenizer and WordPiece.

    Args:
        vocabulary: a Vocabulary.
        unknown: its token for words that it cannot spell.
        tokenize_chinese_chars: whether each Chinese character is a word.
        portable: use only ops that LiteRT has with tensorflow_text's kernels, and no conditions.
    """

    def __init__(self, vocabulary, unknown, tokenize_chinese_chars, portable=False):
        import tensorflow_text

        self._portable, self._unknown_id = portable, vocabulary[unknown]
        self._begins_word = np.array([not token.startswith("##") for token in vocabulary], np.int32)
        self._characters = CharacterTable(portable)
        with tf.init_scope(), tf.device("/CPU:0"):
            try:
                self._op = tensorflow_text.FastWordpieceTokenizer(
                    vocab=_matchable(vocabulary, unknown, stand_ins(tokenize_chinese_chars)),
                    unknown_token=unknown,
                    max_bytes_per_word=_MAX_WORD_BYTES,
                    token_out_type=tf.int32,
                )
            except RuntimeError as error:
                raise VocabularyError(f"tensorflow_text refuses the vocabulary: {error}") from error

    def __call__(self, text, places):
        ids, starts, ends = self._op.tokenize_with_offsets(text)
        pieces = Pieces(
            ids.flat_values,
            tf.cast(ids.row_splits, tf.int32),
            tf.cast(starts.flat_values, tf.int32),
            tf.cast(ends.flat_values, tf.int32) - 1,
            tf.gather(tf.constant(self._begins_word), ids.flat_values),
        )

        def given():
            return pieces if places else pieces.without_places()

        def shortened():
            shorter = self._without_long_words(text, pieces)
            return shorter if places else shorter.without_places()

        if self._portable:
            return shortened()
        return when(tf.reduce_any(tf.strings.regex_full_match(text, _LONG_WORD)), shortened, given)

    def _without_long_words(self, text, pieces):
        """One [UNK] for each word of more than MAX_WORD_CHARACTERS characters, over all of it."""
        begins = pieces.begins > 0  # as a text's first token does, so that words end where texts end
        word = tf.cumsum(pieces.begins) - 1  # [T]
        ends = tf.concat([begins[1:], tf.ones([tf.minimum(tf.size(pieces.ids), 1)], tf.bool)], 0)
        first, last = self._characters.numbers(text, pieces)
        length = 1 + tf.boolean_mask(last, ends) - tf.boolean_mask(first, begins)  # [W] characters
        is_long = tf.gather(length > MAX_WORD_CHARACTERS, word)  # [T]
        last_byte = tf.gather(tf.boolean_mask(pieces.lasts, ends), word)
        kept = begins | ~is_long
        new_row_splits = tf.gather(tf.cumsum(tf.pad(tf.cast(kept, tf.int32), [[1, 0]])), pieces.row_splits)
        return Pieces(
            tf.boolean_mask(tf.where(is_long, self._unknown_id, pieces.ids), kept),
            new_row_splits,
            tf.boolean_mask(pieces.firsts, kept),
            tf.boolean_mask(tf.where(is_long, last_byte, pieces.lasts), kept),
            tf.boolean_mask(pieces.begins, kept),
        )


def _matchable(vocabulary, unknown, stand_ins):
    """The tokens for the op: those that no word can match get distinct names, for it refuses duplicates."""
    tokens, strange = [], set(stand_ins.values())
    for number, token in enumerate(vocabulary):
        body = token.removeprefix("##")
        never = vocabulary[token] != number or not body or " " in body or len(body) > MAX_WORD_CHARACTERS
        if token != unknown and (never or not strange.isdisjoint(body)):
            tokens.append(f"{_NEVER}{number}")
        else:
            tokens.append(token.translate(stand_ins))
    return tokens
