"""How answers are compared in each language: what of a text does not count, and what its words are.

Sources: the evaluation scripts of SQuAD 1.1 and 2.0 (en, and XQuAD in all its languages), CMRC 2018 (zh), KorQuAD 1.0
(ko; characters) and MLQA, mlqa_evaluation_v1.py (mlqa-…; articles of each language). Data in Japanese, Thai, Lao, Khmer
and Burmese have no script of that kind: "mixed" is SQuAD's, but each character of a script without spaces is a word, as
in MLQA's Chinese, and in Hangul, as in KorQuAD. English answers score as in SQuAD but for dashes and curved quotes.
"""

from __future__ import annotations

import functools
import re
import string
import sys
import unicodedata
from collections.abc import Callable

from absl import logging

from tfbert.tasks.scripts import CHARACTERS, HANGUL

AUTO = "auto"
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
# What CMRC's script drops; of ASCII these alone.
_CHINESE_PUNCTUATION = str.maketrans("", "", "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
# A Chinese character, or in the text between them a word or a mark, as NLTK's word_tokenize parts them.
_CHINESE = r"\u4e00-\u9fa5"
_QUOTE = rf"'(?:s|m|d|ll|re|ve)?(?![^\W{_CHINESE}])"
_LAST_STOP = rf"""\.(?=["')\]}}>]*\s*(?:$|[{_CHINESE}]))"""
_MARK = r"""[;@#$%&?!"()\[\]{}<>«»—–]"""
_ALONE = rf"\.{{2,}}|{_LAST_STOP}|{_QUOTE}|{_MARK}|,(?!\d)"
_SEGMENTS = re.compile(rf"[{_CHINESE}]|{_ALONE}|(?:(?!{_ALONE})[^\s{_CHINESE}])+")
_KOREAN_MARKS = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
_CHARACTER_OR_WORD = re.compile(rf"[{CHARACTERS}{HANGUL}]|[^\s{CHARACTERS}{HANGUL}]+")
_CHINESE_OR_WORD = re.compile(rf"[{_CHINESE}]|[^\s{_CHINESE}]+")
_MLQA_ARTICLES = {
    "en": _ARTICLES,
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "ar": re.compile("ال"),
    "hi": None,
    "zh": None,
}
_BY_CHARACTERS = ("ja", "th", "lo", "km", "my", "mixed")
LANGUAGES = (AUTO, "en", "zh", "ko", *_BY_CHARACTERS, *(f"mlqa-{name}" for name in _MLQA_ARTICLES))
_METRICS = {
    "en": "by words between spaces, as SQuAD does",
    "zh": "by characters in a row, as CMRC 2018 does",
    "ko": "by characters, as KorQuAD 1.0 does",
    **dict.fromkeys(_BY_CHARACTERS, "by words, and by characters where a script has no spaces"),
}


def normalized(text: str) -> str:
    """SQuAD's form of an answer for comparison: lower case, without punctuation and articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def words(text: str, language: str = "en") -> list[str]:
    """The words that an answer's F1 counts.

    >>> words("The Broncos!"), words("東京 Tower", "ja"), words("서울 시", "ko"), words("Der Rhein", "mlqa-de")
    (['broncos'], ['東', '京', 'tower'], ['서', '울', '시'], ['rhein'])
    """
    return _RULES[language][1](text)


def form(text: str, language: str = "en") -> str:
    """The form of an answer in which it matches another exactly.

    >>> form("the Rome."), form("东京。", "zh")
    ('rome', '东京')
    """
    return _RULES[language][0](text)


@functools.cache
def say_metric(language: str) -> None:
    """Logs how answers in a language that was found are scored, once."""
    logging.info(
        "language=%s, found in the contexts: answers are scored %s; settings.language is one of %s",
        *(language, _METRICS[language], ", ".join(LANGUAGES)),
    )


def without_chinese_punctuation(text: str) -> str:
    """CMRC's form of an answer."""
    return text.lower().strip().translate(_CHINESE_PUNCTUATION)


def chinese_segments(text: str) -> list[str]:
    """CMRC's words."""
    return _SEGMENTS.findall(without_chinese_punctuation(text))


def _korean(text):
    return " ".join(text.translate(_KOREAN_MARKS).lower().translate(_NO_PUNCTUATION).split())


def _korean_characters(text):
    return [*_korean(text).replace(" ", "")]


@functools.cache
def _punctuation():
    """All of Unicode's punctuation and ASCII's marks, to be left out."""
    marks = [chr(i) for i in range(sys.maxunicode) if unicodedata.category(chr(i))[0] == "P"]
    return str.maketrans("", "", "".join(marks) + string.punctuation)


def _mlqa_words(text: str, language: str) -> list[str]:
    articles = _MLQA_ARTICLES[language]
    text = text.lower().translate(_punctuation())
    text = articles.sub(" ", text) if articles else text
    return _CHINESE_OR_WORD.findall(text) if language == "zh" else text.split()


def _mixed_words(text):
    return _CHARACTER_OR_WORD.findall(_ARTICLES.sub(" ", text.lower().translate(_punctuation())))


def _joined(split: Callable[[str], list[str]]) -> tuple[Callable[[str], str], Callable[[str], list[str]]]:
    return lambda text: " ".join(split(text)), split


# language -> (form, words)
_RULES: dict[str, tuple[Callable[[str], str], Callable[[str], list[str]]]] = {
    "en": (normalized, lambda text: normalized(text).split()),
    "zh": (without_chinese_punctuation, chinese_segments),
    "ko": (_korean, _korean_characters),
    **dict.fromkeys(_BY_CHARACTERS, _joined(_mixed_words)),
    **{f"mlqa-{name}": _joined(functools.partial(_mlqa_words, language=name)) for name in _MLQA_ARTICLES},
}
