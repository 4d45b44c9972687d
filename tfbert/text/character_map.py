"""What each Unicode character becomes before WordPiece: BERT's cleaning rules as a map of code points.

The rules are BERT's (google-research/bert, tokenization.py) as Hugging Face's `tokenizers` applies them,
in its order: delete control characters, spaces around Chinese ones, NFD without accents, lower case, spaces
around punctuation. Every rule looks at one character at a time, which is what makes a map possible.

One thing a map cannot do: when accents are stripped, NFD also sorts adjacent marks that are not accents
(Hangul tone marks, musical stems). Such a word is [UNK] in any real vocabulary, sorted or not.
"""

import itertools
import unicodedata

# `tokenizers` (0.23) takes its categories from Unicode 8, this module from the running Python, whose Unicode
# is 13 or later. These ranges hold what later versions, up to 18, call punctuation, accent, format or
# decomposable; to `tokenizers` they are ordinary characters. Each range was widened over its ordinary
# neighbours. A Python with a newer Unicode than 18 may need another: the test of all code points finds it.
_ORDINARY = """
5C8-5C9 61D 7FD 890-8E2 9FD-9FE A76 AFA-AFF B53-B55 C04-C3C C77 C84 D00 D3B-D3C D81 EBA ECE 180F-1886
1ABF-1AF0 1B4E-1B4F 1B7D-1B7F 1DF6-1DFB 2E43-2E63 A82C A8C5 A8FF A9BD 105C9-105E4 10D24-10F89 11070-11074
110C2-110CD 111C9 111CF 1123E-11241 1133B 11383-1145E 11660-1166C 116B9 1182F-11FFF 12FF1-1612F
16D68-16F4F 16FE2-16FE4 1CF00-1D128 1D25B-1D25C 1E000-1E6F5 1E944-1E95F
"""
# Two that Unicode has since moved out of punctuation, and two out of the nonspacing marks.
_PUNCTUATION_ONCE = "\u166d\U000111c9"
_ACCENT_ONCE = "\u1734\U0001171e"

# Capitals newer than Unicode 13 that `tokenizers` lower-cases: first, last, and the step to the small letter.
_NEW_CAPITALS = (
    (0x1C89, 0x1C89, 1),
    (0x2C2F, 0x2C2F, 48),
    (0xA7C0, 0xA7C0, 1),
    (0xA7CB, 0xA7CB, 0x264 - 0xA7CB),
    (0xA7CC, 0xA7CC, 1),
    (0xA7CE, 0xA7CE, 1),
    (0xA7D0, 0xA7D0, 1),
    (0xA7D2, 0xA7D2, 1),
    (0xA7D4, 0xA7D4, 1),
    (0xA7D6, 0xA7D6, 1),
    (0xA7D8, 0xA7D8, 1),
    (0xA7DA, 0xA7DA, 1),
    (0xA7DC, 0xA7DC, 0x19B - 0xA7DC),
    (0x10570, 0x1057A, 39),
    (0x1057C, 0x1058A, 39),
    (0x1058C, 0x10592, 39),
    (0x10594, 0x10595, 39),
    (0x10D50, 0x10D65, 32),
    (0x16EA0, 0x16EB8, 27),
)

# BERT's "Chinese characters": the CJK ideograph blocks, U+2B820..U+2B91F left out as in the original.
_CHINESE = (
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xF900, 0xFB00),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2B820),
    range(0x2B920, 0x2CEB0),
    range(0x2F800, 0x2FA20),
)
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

# Left out: the surrogates, which UTF-8 cannot hold, and planes 4 to 13, where Unicode has assigned nothing.
_CODE_POINTS = (range(0xD800), range(0xE000, 0x40000), range(0xE0000, 0xE1000))
_PRIVATE_PLANES = (range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))


def character_map(lower_case, strip_accents, tokenize_chinese_chars):
    """Returns {code point: the text that takes its place}, for the code points that change at all.

    "" deletes; a space separates words. Takes about half a second.

    >>> characters = character_map(lower_case=True, strip_accents=True, tokenize_chinese_chars=True)
    >>> characters[ord("É")], characters[ord("!")], characters[0xAD]
    ('e', ' ! ', '')
    """
    ordinary = _ordinary()
    capitals = _lower_cases() if lower_case else {}
    chinese = frozenset(itertools.chain(*_CHINESE)) if tokenize_chinese_chars else frozenset()
    category = unicodedata.category

    def is_accent(char):
        return (category(char) == "Mn" and ord(char) not in ordinary) or char in _ACCENT_ONCE

    def is_punctuation(char):
        if char in _ASCII_PUNCTUATION or char in _PUNCTUATION_ONCE:
            return True
        return category(char)[0] == "P" and ord(char) not in ordinary

    def replacement(code):
        text = chr(code)
        if code in ordinary:
            decomposed = text
        else:
            kind = category(text)
            if kind[0] == "Z" or text in "\t\n\r":
                return " "
            if kind in ("Cc", "Cf", "Co") or code == 0xFFFD:
                return ""
            decomposed = unicodedata.normalize("NFD", text) if strip_accents else text
            if kind == "Lo" and decomposed == text:  # most of Unicode; no rule below applies to it
                return f" {text} " if code in chinese else text
        if strip_accents:
            decomposed = "".join(char for char in decomposed if not is_accent(char))
        if lower_case:
            decomposed = "".join(capitals.get(char) or char.lower() for char in decomposed)
        spaced = "".join(f" {char} " if is_punctuation(char) else char for char in decomposed)
        return f" {spaced} " if code in chinese else spaced

    characters = {}
    for code in itertools.chain(*_CODE_POINTS):
        text = replacement(code)
        if text != chr(code):
            characters[code] = text
    characters.update(dict.fromkeys(itertools.chain(*_PRIVATE_PLANES), ""))
    return characters


def _ordinary():
    codes = set()
    for item in _ORDINARY.split():
        first, _, last = item.partition("-")
        codes.update(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(codes)


def _lower_cases():
    return {chr(code): chr(code + step) for first, last, step in _NEW_CAPITALS for code in range(first, last + 1)}
