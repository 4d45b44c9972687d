"""The encoding of a text file: checked by name, and guessed for a message where the file is not UTF-8."""

from __future__ import annotations

import codecs

from tfbert.errors import ConfigError, did_you_mean

_USUAL = ("utf-8", "utf-16", "latin-1", "cp1252", "cp1251", "gb18030", "big5", "shift_jis", "euc_kr", "iso8859-15")
_EAST_ASIAN = ("gb18030", "cp932", "cp949", "big5")
# Encodings whose files begin with a mark, one of two: the first two bytes.
MARKED = dict.fromkeys(("utf-16", "utf-32"), (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE[:2]))
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def checked_encoding(encoding: str | None) -> str:
    """Python's own name for an encoding; UTF-8 if none is given.

    Raises:
        ConfigError: no such encoding of texts.

    >>> checked_encoding("Latin-1")
    'iso8859-1'
    """
    if not encoding:
        return "utf-8"
    try:
        "".encode(encoding)  # refuses those that are not of texts, such as base64
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ConfigError(
            f"encoding is {encoding!r}, which Python does not know{did_you_mean(encoding, _USUAL)}; usual ones are "
            f"{', '.join(_USUAL)}"
        ) from None
    return "utf-8" if name == "utf-8-sig" else name


def splits_at_line_ends(encoding: str) -> bool:
    """Whether the byte 0x0A is a line end and nothing else, so that lines can be found before they are decoded."""
    return "\n".encode(encoding) == b"\n" and "\n a".encode(encoding)[0] == 0x0A


def likely_encodings(line: bytes, *, begins: bool) -> tuple[str, ...]:
    """Encodings that a line which is not UTF-8 may have, the likeliest first.

    Args:
        begins: whether it is the first line of the file.

    >>> likely_encodings("café".encode("latin-1"), begins=True)
    ('latin-1',)
    """
    if begins:
        for mark, encoding in _MARKS.items():
            if line.startswith(mark):
                return (encoding,)
    high = [byte for byte in line if byte >= 0x80]
    letters = sum(byte >= 0x80 or chr(byte).isalpha() for byte in line)
    if len(high) > letters / 2:  # most letters are not ASCII: no language of Western Europe
        found = [encoding for encoding in _EAST_ASIAN if len(high) > 1 and _reads(line, encoding)]
        # Letters of Russian, in one byte each, stand in groups of all lengths; two bytes a letter make even groups.
        if _reads(line, "cp1251") and (not found or _has_odd_group(line)):
            return ("cp1251",)
        if found:
            return tuple(found)
    return ("cp1252",) if any(byte < 0xA0 for byte in high) and _reads(line, "cp1252") else ("latin-1",)


def _has_odd_group(line: bytes) -> bool:
    groups = "".join("x" if byte >= 0x80 else " " for byte in line).split()
    return any(len(group) % 2 for group in groups)


def _reads(line: bytes, encoding: str) -> bool:
    try:
        return all(character.isprintable() or character.isspace() for character in line.decode(encoding))
    except UnicodeDecodeError:
        return False
