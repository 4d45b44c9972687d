"""Writes characters.txt: what BERT's tokenization does to each Unicode character.

The rules are Hugging Face's (`tokenizers`: BertNormalizer, BertPreTokenizer), asked about each of the 1,112,064
characters by itself, because they mix versions of Unicode: general categories are those of Unicode 8, lower case
is that of Rust's standard library. Only the line `splits` comes from the newest Unicode: punctuation that a later
tensorflow_text may know and BERT does not. Run it again when `tokenizers` takes a newer Unicode:

    pip install tokenizers unicodedata2
    python -m tfbert.text.algorithms.make_characters
"""

from __future__ import annotations

import importlib.metadata
import itertools
import pathlib
from collections.abc import Iterable, Mapping, Sequence

TABLE = pathlib.Path(__file__).with_name("characters.txt")
_HANGUL = range(0xAC00, 0xD7A4)  # decompose by arithmetic (The Unicode Standard, 3.12)
_WIDTH = 118


def main() -> None:
    """Writes the table beside this file."""
    TABLE.write_text(table(), encoding="ascii")


def table() -> str:
    """Returns the content of characters.txt."""
    import unicodedata2
    from tokenizers.normalizers import NFD, BertNormalizer, StripAccents
    from tokenizers.pre_tokenizers import BertPreTokenizer, Digits, Whitespace

    clean = BertNormalizer(True, False, False, False).normalize_str
    strip = BertNormalizer(False, False, True, False).normalize_str
    lower = BertNormalizer(False, False, False, True).normalize_str
    split = BertPreTokenizer().pre_tokenize_str

    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    cleaned = {code: clean(chr(code)) for code in codes}
    kept = [code for code in codes if cleaned[code] == chr(code) != " "]
    accents = [code for code in kept if code not in _HANGUL and strip(chr(code)) == ""]
    decomposed = {code: NFD().normalize_str(chr(code)) for code in codes if code not in _HANGUL}
    combining = [code for code in codes if StripAccents().normalize_str(chr(code)) == ""]
    after_a = {code: Whitespace().pre_tokenize_str(f"a{chr(code)}")[0][0] for code in codes}
    numbers = [code for code in codes if len(Digits().pre_tokenize_str(f"a{chr(code)}")) > 1]
    marks = [code for code in kept if len(split(f"a{chr(code)}a")) > 1]
    newest = [code for code in kept if unicodedata2.category(chr(code))[0] == "P"]
    lowered = {code: lower(chr(code)) for code in codes}
    lines = {
        "deleted": _ranges(code for code in codes if cleaned[code] == ""),
        "space": _ranges(code for code in codes if cleaned[code] == " "),
        "punctuation": _ranges(marks),
        "splits": _ranges(sorted(set(newest) - set(marks))),
        "accent": _ranges(accents),
        "combining": _ranges(combining),
        "decomposed": _pairs({code: text for code, text in decomposed.items() if text != chr(code)}),
        "lower": _shifts({code: ord(text) - code for code, text in lowered.items() if len(text) == 1}),
        "lower_long": _pairs({code: text for code, text in lowered.items() if len(text) > 1}),
        "word": _ranges(code for code, text in after_a.items() if len(text) > 1),
        "numeric": _ranges(numbers),
    }
    head = (
        "# What BERT's tokenization does to each character; written by make_characters.py, do not edit.\n"
        f"# tokenizers {importlib.metadata.version('tokenizers')}; splits: Unicode {unicodedata2.unidata_version}\n"
    )
    return head + "".join(_wrapped(name, items) for name, items in lines.items())


def _ranges(codes: Iterable[int]) -> list[str]:
    """Code points as `first-last`, in hexadecimal."""
    items = []
    for _, pairs in itertools.groupby(enumerate(codes), lambda pair: pair[1] - pair[0]):
        run = [code for _, code in pairs]
        items.append(f"{run[0]:x}" if len(run) == 1 else f"{run[0]:x}-{run[-1]:x}")
    return items


def _pairs(texts: Mapping[int, str]) -> list[str]:
    """`code=code.code`: a character and the text that takes its place."""
    return [f"{code:x}={'.'.join(f'{ord(char):x}' for char in text)}" for code, text in texts.items()]


def _shifts(steps: Mapping[int, int]) -> list[str]:
    """`first-last/every>step`: characters, each `every`th, that move by the same number of code points."""
    codes, items = [code for code, step in steps.items() if step], []
    while codes:
        first, step = codes[0], steps[codes[0]]
        every = codes[1] - first if len(codes) > 1 and codes[1] - first <= 2 else 1
        length = next(
            (i for i, code in enumerate(codes) if code != first + i * every or steps[code] != step), len(codes)
        )
        items.append(f"{first:x}-{codes[length - 1]:x}/{every}>{step:x}")
        codes = codes[length:]
    return items


def _wrapped(name: str, items: Sequence[str]) -> str:
    text, line = "", name
    for item in items:
        if len(line) + 1 + len(item) > _WIDTH:
            text, line = text + line + "\n", name
        line += " " + item
    return text + line + "\n"


if __name__ == "__main__":
    main()
