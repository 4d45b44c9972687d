"""What each Unicode character becomes before WordPiece: BERT's cleaning rules as a map of code points.

The rules are BERT's (google-research/bert, tokenization.py) as Hugging Face's `tokenizers` applies them, in its
order: delete control characters, spaces around Chinese ones, NFD without accents, lower case, spaces around
punctuation. Each rule looks at one character at a time, so they are a map. characters.txt holds what they do to each
character (general categories of Unicode 8, lower case of Unicode 17); make_characters.py writes it.

One thing a map cannot do: when accents are stripped, NFD also sorts adjacent marks that are not accents (Hangul
tone marks, musical stems). Such a word is [UNK] in any real vocabulary, sorted or not.
"""

from __future__ import annotations

import functools
import itertools
import pathlib
import unicodedata
from collections.abc import Iterator, Mapping

from tfbert.errors import ConfigError

_TABLE = pathlib.Path(__file__).with_name("characters.txt")
_HANGUL = range(0xAC00, 0xD7A4)

# BERT's "Chinese characters": the CJK ideograph blocks. U+2B820..U+2B91F are missing in Hugging Face's reading.
CHINESE = (
    *(range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x2A6E0)),
    *(range(0x2A700, 0x2B820), range(0x2B920, 0x2CEB0), range(0x2F800, 0x2FA20)),
)
_CHINESE_TO_THE_OP = range(0x2B820, 0x2B920)


def bert_normalizer(lower_case: bool, strip_accents: bool, tokenize_chinese_chars: bool) -> dict[int, str]:
    """Returns {code point: the text that takes its place} of Hugging Face's BertNormalizer.

    It holds only code points that change; "" deletes.

    >>> characters = bert_normalizer(lower_case=True, strip_accents=True, tokenize_chinese_chars=True)
    >>> characters[ord("É")], characters[ord("\\t")], characters[0xAD], characters[ord("字")]
    ('e', ' ', '', ' 字 ')
    """
    characters = _normalized(lower_case, strip_accents)
    if tokenize_chinese_chars:
        for code in itertools.chain(*CHINESE):
            characters[code] = f" {characters.get(code, chr(code))} "
    return characters


def end_to_end_normalizer(lower_case: bool, strip_accents: bool, tokenize_chinese_chars: bool) -> dict[int, str]:
    """Returns the map for tensorflow_text's end-to-end WordPiece op: BERT's normalizer with words set apart.

    Punctuation gets spaces around it. Chinese characters get none, for the op takes each as a word; characters
    that the op would take for punctuation or Chinese and BERT does not get stand-ins.
    """
    characters = _normalized(lower_case, strip_accents)
    return set_apart(characters, tokenize_chinese_chars)


def set_apart(characters: Mapping[int, str], tokenize_chinese_chars: bool = True) -> dict[int, str]:
    """Returns a map of code points followed by what the end-to-end op needs; `{}` gives only the latter."""
    table = {ord(mark): f" {mark} " for mark in punctuation()}
    table.update(stand_ins(tokenize_chinese_chars))
    return {**table, **{code: text.translate(table) for code, text in characters.items()}}


@functools.cache
def stand_ins(tokenize_chinese_chars: bool) -> dict[int, str]:
    """Returns {code point: private-use character} for what the op splits and BERT does not.

    BERT deletes private-use characters, so the text has none of its own. A vocabulary must be translated by the same
    table.
    """
    codes = [*(ord(char) for char in _characters("splits")), *_CHINESE_TO_THE_OP]
    if not tokenize_chinese_chars:
        codes += itertools.chain(*CHINESE)
    private = itertools.chain(range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))
    return {code: chr(stand_in) for code, stand_in in zip(codes, private, strict=False)}


def punctuation() -> Iterator[str]:
    """Returns the characters that are words by themselves, without Chinese ones."""
    return _characters("punctuation")


_LONGEST = 1000  # characters that one may become: replacements of replacements grow without end


def in_turn(*maps: Mapping[int, str]) -> dict[int, str]:
    """Returns the map of code points that does what several do one after the other.

    Raises ConfigError: a character becomes a text that is too long.

    >>> in_turn({ord("É"): "E\u0301"}, {ord("E"): "e", 0x301: ""})[ord("É")]
    'e'
    """
    characters: dict[int, str] = {}
    for after in maps:
        changed = {code: text.translate(after) for code, text in characters.items() if text and text != " "}
        if " ".translate(after) != " ":
            changed |= {code: " ".translate(after) for code, text in characters.items() if text == " "}
        if max(map(len, changed.values()), default=0) > _LONGEST:
            raise ConfigError(f"normalizers that make over {_LONGEST} characters of one")
        characters = {**after, **characters, **changed}
    return characters


@functools.cache
def cleaned() -> dict[int, str]:
    """Returns the map that deletes control characters and makes a space of all white space."""
    deleted, space = (map(ord, _characters(name)) for name in ("deleted", "space"))
    return {**dict.fromkeys(deleted, ""), **dict.fromkeys(space, " ")}


@functools.cache
def decomposed() -> dict[int, str]:
    """Returns the map of Unicode's form NFD, which also sorts adjacent marks; that a map cannot do."""
    return {**{code: unicodedata.normalize("NFD", chr(code)) for code in _HANGUL}, **dict(_pairs("decomposed"))}


@functools.cache
def without_accents(name: str = "accent") -> dict[int, str]:
    """Returns the map that deletes marks: nonspacing ones, or all that are "combining"."""
    return dict.fromkeys(map(ord, _characters(name)), "")


def named(name: str) -> Iterator[str]:
    """Returns the characters of a line of the table: "punctuation", "word" or "numeric"."""
    return _characters(name)


@functools.cache
def apart_if_chinese() -> dict[int, str]:
    """Returns the map that puts spaces around each Chinese character."""
    return {code: f" {chr(code)} " for code in itertools.chain(*CHINESE)}


def _normalized(lower_case: bool, strip_accents: bool) -> dict[int, str]:
    """BertNormalizer without its Chinese rule."""
    maps = [decomposed(), without_accents()] if strip_accents else []
    # What is deleted, or becomes a space, is gone before the others look at it.
    return {**in_turn(*maps, *([lowered()] if lower_case else [])), **cleaned()}


@functools.cache
def lowered() -> dict[int, str]:
    """Returns the map to lower case, one character at a time."""
    lower = dict(_pairs("lower_long"))
    for item in _lines()["lower"]:
        span, _, step = item.partition(">")
        span, _, every = span.partition("/")
        first, last = (int(code, 16) for code in span.split("-"))
        lower.update({code: chr(code + int(step, 16)) for code in range(first, last + 1, int(every))})
    return lower


def _characters(name: str) -> Iterator[str]:
    """The characters of a line of ranges."""
    for item in _lines()[name]:
        first, _, last = item.partition("-")
        yield from map(chr, range(int(first, 16), int(last or first, 16) + 1))


def _pairs(name: str) -> Iterator[tuple[int, str]]:
    """(code point, text) of a line of replacements."""
    for item in _lines()[name]:
        code, _, text = item.partition("=")
        yield int(code, 16), "".join(chr(int(part, 16)) for part in text.split("."))


@functools.cache
def _lines() -> dict[str, list[str]]:
    lines = {}
    for line in _TABLE.read_text(encoding="ascii").splitlines():
        name, *items = line.split()
        if name != "#":
            lines.setdefault(name, []).extend(items)
    return lines
