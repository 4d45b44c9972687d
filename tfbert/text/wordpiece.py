"""The op chain from strings to WordPiece ids, in tensorflow_text's Fast ops.

Shapes: B texts, W words of all texts together.
"""

import numpy as np
import tensorflow as tf

from tfbert.errors import VocabularyError
from tfbert.text.normalizer import CLOSE, DELETED, OPEN, normalizer_buffer

# What stays one token where a text spells it out. A vocabulary may lack [MASK].
SPECIAL_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
MAX_WORD_CHARACTERS = 100  # BERT's limit: a longer word is [UNK]

# tensorflow_text counts bytes: room for 100 characters of 4. The limit above is applied before.
_MAX_WORD_BYTES = 4 * MAX_WORD_CHARACTERS

# Valid UTF-8 without the two control characters that the normalizer reads as a literal's brackets.
_PLAIN = r"[\x00\x03-\x{D7FF}\x{E000}-\x{10FFFF}]*"


class WordPiece:
    """Strings [B] -> ids [B, (tokens)], as `tokenizers` with BertNormalizer, BertPreTokenizer and WordPiece.

    The ops take their models as constants, so that a SavedModel holds them and nothing needs tracking.
    """

    def __init__(self, vocabulary, lower_case, strip_accents, tokenize_chinese_chars):
        import tensorflow_text  # here, so that ids-in models load and train without it

        # The normalizer lower-cases a literal like any word, so the ops know [MASK] by "[mask]". No ordinary
        # word can be spelled so: a bracket is a word by itself.
        spelled = {token: token.lower() if lower_case else token for token in SPECIAL_TOKENS if token in vocabulary}
        self._unknown = spelled["[UNK]"]
        self._literals = rf"\[({'|'.join(token[1:-1] for token in spelled)})\]"
        # Made on the CPU, where the string ops are, and outside of any graph under construction.
        with tf.init_scope(), tf.device("/CPU:0"):
            normalizer = normalizer_buffer(lower_case, strip_accents, tokenize_chinese_chars)
            self._normalizer = tensorflow_text.FastBertNormalizer(model_buffer=_constant(normalizer))
            self._whitespace = tensorflow_text.WhitespaceTokenizer()
            try:
                self._pieces = tensorflow_text.FastWordpieceTokenizer(
                    vocab=_distinct(vocabulary, spelled),
                    unknown_token=self._unknown,
                    max_bytes_per_word=_MAX_WORD_BYTES,
                    no_pretokenization=True,
                    token_out_type=tf.int32,
                )
            except RuntimeError as error:
                raise VocabularyError(f"tensorflow_text refuses the vocabulary: {error}") from error

    def __call__(self, text):
        words = self.words(text)
        pieces = self.pieces(words.flat_values)
        splits = tf.gather(pieces.row_splits, words.row_splits)
        return tf.RaggedTensor.from_row_splits(pieces.flat_values, splits, validate=False)

    def words(self, text):
        """Cleaned words and punctuation marks of `text` [B]: RaggedTensor of strings [B, (words)]."""
        return self._whitespace.tokenize(self._normalizer.normalize(self.hide(text)))

    def hide(self, text):
        """Makes `text` [B] valid UTF-8 and sets the literals of special tokens apart.

        Every byte keeps its place, but after invalid UTF-8.
        """
        # Ordinary text is spared the transcoding, which costs three times this check.
        is_plain = tf.reduce_all(tf.strings.regex_full_match(text, _PLAIN))
        text = tf.cond(is_plain, lambda: tf.identity(text), lambda: _plain(text))
        return tf.strings.regex_replace(text, self._literals, rf"{OPEN}\1{CLOSE}")

    def pieces(self, words):
        """Ids of the pieces of each of `words` [W]: RaggedTensor of int32 [W, (pieces)]."""
        may_be_long = tf.reduce_any(tf.strings.length(words) > MAX_WORD_CHARACTERS)
        words = tf.cond(may_be_long, lambda: self._cut(words), lambda: tf.identity(words))
        return self._pieces.tokenize(words)

    def _cut(self, words):
        is_long = tf.strings.length(words, "UTF8_CHAR") > MAX_WORD_CHARACTERS
        return tf.where(is_long, self._unknown, words)


def _plain(text):
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    return tf.strings.regex_replace(text, f"[{OPEN}{CLOSE}]", DELETED)


def _distinct(vocabulary, spelled):
    """The tokens for the ops, which refuse duplicates: what no word can match gets a distinct name."""
    taken = set(spelled.values())
    tokens = []
    for number, token in enumerate(vocabulary.tokens):
        body = token.removeprefix("##")
        if vocabulary[token] != number or not body or " " in token or len(body) > MAX_WORD_CHARACTERS:
            token = f" {number}"
        elif token in spelled:
            token = spelled[token]
        elif token in taken:
            token = f" {number}"
        tokens.append(token)
    return tokens


def _constant(buffer):
    return tf.constant(np.frombuffer(buffer, np.uint8))
