"""BERT's tokenizer as graph ops: strings -> token_ids, segment_ids, padding_mask.

Shapes: B texts, S = the longest of the batch with its special tokens.
"""

import tensorflow as tf

from tfbert.text.folder import read_folder, write_folder
from tfbert.text.packing import TRUNCATIONS, pack
from tfbert.text.vocabulary import Vocabulary
from tfbert.text.wordpiece import WordPiece


class Tokenizer:
    """Strings -> ids, equal to Hugging Face's BertTokenizerFast, eagerly, in tf.data and in a SavedModel.

    Args:
        vocabulary: a Vocabulary.
        lower_case: lower-case the text.
        strip_accents: remove accents; None means as `lower_case`.
        tokenize_chinese_chars: make each Chinese character a word.
        max_length: tokens at most, the special ones included.

    The rules are those of google-research/bert as Hugging Face's `tokenizers` applies them.

    >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film", "##s"])
    >>> Tokenizer(vocabulary)(["A film", "films"])["token_ids"].numpy()
    array([[2, 4, 5, 3],
           [2, 5, 6, 3]], dtype=int32)
    """

    def __init__(self, vocabulary, lower_case=True, strip_accents=None, tokenize_chinese_chars=True, max_length=512):
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(f"vocabulary is {type(vocabulary).__name__}; expected a tfbert.text.Vocabulary")
        self.vocabulary = vocabulary
        self.lower_case = lower_case
        self.strip_accents = strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.max_length = max_length
        strip_accents = lower_case if strip_accents is None else strip_accents
        self._wordpiece = WordPiece(vocabulary, bool(lower_case), bool(strip_accents), bool(tokenize_chinese_chars))

    @classmethod
    def from_folder(cls, folder, max_length=None):
        """Reads a Hugging Face or Google folder: vocab.txt, tokenizer_config.json, tokenizer.json.

        tokenizer_config.json is asked first, then tokenizer.json; with neither (Google's TF1 folders) the
        text is lower-cased unless the vocabulary holds a word with a capital letter. Without `max_length` it
        is the folder's model_max_length, or 512. Raises VocabularyError or ConfigError, naming the file.
        """
        vocabulary, settings = read_folder(folder)
        if max_length is not None:
            settings["max_length"] = max_length
        return cls(vocabulary, **settings)

    def __call__(self, text, text_pair=None, max_length=None, truncation="longest_first"):
        """Returns {"token_ids", "segment_ids", "padding_mask"}, int32 [B, S]: [CLS] text [SEP] pair [SEP].

        text, text_pair: strings [B] (tensor, list or array). S is the batch's longest, at most `max_length`,
        at least 1. truncation: "longest_first", "only_first" or "only_second". Raises TypeError or ValueError
        for what is not [B] strings, ValueError for a `max_length` without room for the special tokens.
        """
        if truncation not in TRUNCATIONS:
            raise ValueError(f"truncation={truncation!r}; expected one of {', '.join(TRUNCATIONS)}")
        first = _strings(text, "text")
        second = None
        if text_pair is not None:
            pair = _strings(text_pair, "text_pair")
            message = "text and text_pair have different numbers of rows"
            with tf.control_dependencies([tf.debugging.assert_equal(tf.size(first), tf.size(pair), message)]):
                second = self._wordpiece(tf.identity(pair))
        return pack(
            self._wordpiece(first),
            second,
            self.max_length if max_length is None else max_length,
            truncation,
            cls_id=self.vocabulary["[CLS]"],
            sep_id=self.vocabulary["[SEP]"],
            pad_id=self.vocabulary["[PAD]"],
        )

    def tokenize(self, text):
        """Returns the ids of `text` [B] without special tokens: RaggedTensor of int32 [B, (tokens)]."""
        return self._wordpiece(_strings(text, "text"))

    def save(self, folder):
        """Writes vocab.txt and tokenizer_config.json, for `from_folder` and Hugging Face's BertTokenizer.

        Removes an earlier tokenizer.json there, which Hugging Face would prefer. Raises DiskError.
        """
        write_folder(folder, self)

    def get_config(self):
        """Returns the constructor's arguments as plain JSON values, the vocabulary as its list of tokens."""
        return {
            "vocabulary": list(self.vocabulary.tokens),
            "lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.tokenize_chinese_chars,
            "max_length": self.max_length,
        }

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**{**config, "vocabulary": Vocabulary(config["vocabulary"])})


def _strings(text, name):
    if isinstance(text, (tf.RaggedTensor, tf.SparseTensor)):
        raise TypeError(f"{name} is a {type(text).__name__}; expected a dense tensor of strings of shape [B]")
    if not tf.is_tensor(text):
        try:
            # An empty list or array says nothing of its dtype and would become float.
            text = tf.convert_to_tensor(text, tf.string) if len(text) == 0 else tf.convert_to_tensor(text)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name} is not a list of strings: {error}") from error
    if text.dtype != tf.string:
        raise TypeError(f"{name} has dtype {text.dtype.name}; expected strings")
    if text.shape.rank != 1:
        raise ValueError(f"{name} has shape {text.shape}; expected [B], a list of strings")
    return text
