"""The letters that byte-level vocabularies write for bytes: every byte has a visible one.

Source: openai/gpt-2, src/encoder.py, bytes_to_unicode.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

_VISIBLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = tuple(byte for byte in range(256) if byte not in _VISIBLE)

LETTERS: dict[int, str] = {byte: chr(byte) for byte in _VISIBLE} | {
    byte: chr(256 + i) for i, byte in enumerate(_OTHERS)
}
BYTES: dict[str, int] = {letter: byte for byte, letter in LETTERS.items()}
# Bytes that no UTF-8 text has.
NEVER = frozenset((0xC0, 0xC1, *range(0xF5, 0x100)))


def bytes_of(token: str) -> bytes | None:
    """Returns the bytes that a token's letters stand for; None if one is no such letter.

    >>> bytes_of("Ġfilm"), bytes_of("a film")
    (b' film', None)
    """
    found = [BYTES.get(letter) for letter in token]
    return None if None in found else bytes(byte for byte in found if byte is not None)


def raw(token: str) -> bytes:
    """Returns what a token is in a text: bytes of its letters, or itself if it has others, as an added token may.

    >>> raw("Ġfilm"), raw("a film")
    (b' film', b'a film')
    """
    found = bytes_of(token)
    return token.encode("utf-8") if found is None else found


def letters_of(data: Iterable[int]) -> str:
    """Returns the letters of bytes.

    >>> letters_of(" film\\n".encode())
    'ĠfilmĊ'
    """
    return "".join(LETTERS[byte] for byte in data)


def charsmap() -> bytes:
    """Returns the map by which SentencePiece's normalizer makes a letter of each byte, whole characters or not.

    It is a double array (darts-clone) of 256 keys of one byte, and the texts that they become.
    """
    units, pool = np.zeros(768, np.uint32), bytearray()
    units[0] = 256 << 10
    for byte, letter in LETTERS.items():
        units[256 + byte] = 768 << 10 | 1 << 8 | byte
        units[512 + byte] = 1 << 31 | len(pool)
        pool += letter.encode("utf-8") + b"\0"
    trie = units.tobytes()
    return struct.pack("<I", len(trie)) + trie + bytes(pool)
