"""Words of Chinese text by jieba, as BERT-wwm has whole words: the characters of one word belong together.

Shapes: N sentences, T tokens of all sentences together.
"""

import itertools
import logging

import numpy as np

from tfbert.errors import ConfigError


class ChineseWords:
    """Finds the Chinese characters that go on with a word.

    Source: Cui et al. 2019, Pre-Training with Whole Word Masking for Chinese BERT (there with LTP's words).

    Raises ConfigError where jieba is not installed.
    """

    def __init__(self):
        try:
            import jieba
        except ModuleNotFoundError:
            raise ConfigError("--words=jieba needs jieba, which is not installed: pip install jieba") from None
        jieba.setLogLevel(logging.WARNING)  # it tells of its dictionary at every start
        jieba.initialize()
        self._cut = jieba.cut

    def continue_words(self, sentences, counts, starts, ends):
        """Whether each token is a Chinese character within a word of jieba's, bool [T].

        Args:
            sentences: bytes [N].
            counts: tokens of each sentence, int [N].
            starts, ends: the bytes of its sentence that each token is, int [T].
        """
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        base = np.repeat(np.cumsum(lengths) - lengths, counts)
        text = np.frombuffer(b"".join(sentences), np.uint8)
        words = itertools.chain.from_iterable(self._cut(sentence.decode()) for sentence in sentences)
        sizes = np.fromiter((len(word.encode()) for word in words), np.int64)
        is_border = np.zeros(len(text) + 1, bool)
        is_border[np.cumsum(sizes) - sizes] = True
        lead, size = text[base + starts], ends - starts
        # U+3000 to U+9FFF, and the planes behind: as UTF-8
        is_chinese = (size == 3) & (lead >= 0xE3) & (lead <= 0xE9) | (size == 4) & (lead == 0xF0)
        return is_chinese & ~is_border[base + starts]


def is_chinese(text):
    """Whether most letters of a text are Chinese.

    >>> is_chinese("BERT是模型")
    False
    """
    letters = [char for char in text if char.isalpha()]
    chinese = sum("\u3400" <= char <= "\u9fff" for char in letters)
    return 2 * chinese > len(letters)
