"""Words of Chinese text by jieba, for whole word masking as in BERT-wwm: the characters of a word belong together.

Shapes: N sentences, T tokens of all sentences together.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence

import numpy as np

from tfbert.errors import ConfigError


class ChineseWords:
    """Finds the Chinese characters that continue a word.

    Source: Cui et al. 2019, Pre-Training with Whole Word Masking for Chinese BERT (they took LTP's words).

    Raises:
        ConfigError: jieba is not installed.

    >>> text = "我喜欢电影".encode()  # 我 | 喜欢 | 电影, and a token for each character of 3 bytes
    >>> starts = np.arange(0, 15, 3)
    >>> ChineseWords().continue_words([text], np.array([5]), starts, starts + 3)
    array([False, False,  True, False,  True])
    """

    def __init__(self) -> None:
        try:
            import jieba
        except ModuleNotFoundError:
            raise ConfigError("--words=jieba needs jieba, which is not installed: pip install jieba") from None
        jieba.setLogLevel(logging.WARNING)  # else it logs at every start that it loads its dictionary
        jieba.initialize()
        self._cut = jieba.cut

    def continue_words(
        self, sentences: Sequence[bytes], counts: np.ndarray, starts: np.ndarray, ends: np.ndarray
    ) -> np.ndarray:
        """Whether each token is a Chinese character that does not begin a word of jieba's, bool [T].

        Args:
            sentences: UTF-8 [N].
            counts: tokens of each sentence, int [N].
            starts, ends: the first byte of each token in its sentence, and the byte after its last, int [T].
        """
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        base = np.repeat(np.cumsum(lengths) - lengths, counts)
        text = np.frombuffer(b"".join(sentences), np.uint8)
        words = itertools.chain.from_iterable(self._cut(sentence.decode()) for sentence in sentences)
        sizes = np.fromiter((len(word.encode()) for word in words), np.int64)
        is_border = np.zeros(len(text) + 1, bool)
        is_border[np.cumsum(sizes) - sizes] = True
        lead, size = text[base + starts], ends - starts
        # as UTF-8: U+3000 to U+9FFF, and the planes above
        is_chinese = (size == 3) & (lead >= 0xE3) & (lead <= 0xE9) | (size == 4) & (lead == 0xF0)
        return is_chinese & ~is_border[base + starts]


def is_chinese(text: str) -> bool:
    """Whether more than half of the letters of a text are Chinese.

    >>> is_chinese("BERT是模型")
    False
    """
    letters = [char for char in text if char.isalpha()]
    chinese = sum("\u3400" <= char <= "\u9fff" for char in letters)
    return 2 * chinese > len(letters)
