"""The language of texts, where their script tells it, and characters of scripts that put no spaces between words."""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence

_KANA = "\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
# Thai, Lao, Khmer and Burmese, whose vowels and tones are marks on letters.
_SOUTH_EAST = {"th": "\u0e01-\u0e4f", "lo": "\u0e81-\u0ecf", "km": "\u1780-\u17d3", "my": "\u1000-\u109f\uaa60-\uaa7f"}
CHARACTERS = f"{_KANA}{_HAN}{''.join(_SOUTH_EAST.values())}"  # each a word, of scripts without spaces
HANGUL = _HANGUL
_CLASSES = {
    name: re.compile(f"[{characters}]")
    for name, characters in {"kana": _KANA, "zh": _HAN, "ko": _HANGUL, **_SOUTH_EAST}.items()
}
_MOST_TEXTS = 1000  # of a data set that are looked at
_SHARE_OF_MIXED = 0.1  # of the texts in another language


def language_of_text(text: str) -> str:
    """ "zh", "ja", "ko", "th", "lo", "km" or "my" where most letters are of its script, else "en"; "" without letters.

    >>> [language_of_text(text) for text in ("他是老安 Ann", "東京タワー", "서울", "Rom")]
    ['zh', 'ja', 'ko', 'en']
    """
    if text.isascii():
        return "en" if any(map(str.isalpha, text)) else ""
    counts = {name: len(found.findall(text)) for name, found in _CLASSES.items()}
    letters = sum(map(str.isalpha, text)) + sum(counts[name] for name in _SOUTH_EAST)
    if not letters:
        return ""
    kana, han = counts.pop("kana"), counts["zh"]
    if 2 * (kana + han) > letters:
        return "ja" if 10 * kana > kana + han else "zh"
    return next((name for name, count in counts.items() if 2 * count > letters), "en")


def language_of(texts: Sequence[str]) -> str:
    """The language of most texts of a data set; "mixed" where a tenth of them is in another.

    >>> language_of(["Rome is old", "東京タワーは赤い"])
    'mixed'
    """
    some = [texts[i * len(texts) // _MOST_TEXTS] for i in range(_MOST_TEXTS)] if len(texts) > _MOST_TEXTS else texts
    counts = collections.Counter(filter(None, map(language_of_text, some)))
    frequent = [name for name, count in counts.most_common() if count >= _SHARE_OF_MIXED * counts.total()]
    return "mixed" if len(frequent) > 1 else frequent[0] if frequent else "en"
