"""Two more rules in the compiled map of SentencePiece's normalizer.

The map is a double array (the units of darts-clone) from UTF-8 keys to places in a pool of texts, the longest key
first. Source: google/sentencepiece, src/normalizer.cc, and s-yata/darts-clone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

import numpy as np

from tfbert.errors import ConfigError

_UNUSED = 0x80000000  # a unit that equals no label; with a value, the unit where a walk finds it
_BLOCK = 256


def with_pairs(charsmap: bytes, pairs: Mapping[int, tuple[str, str]]) -> bytes:
    """Returns a map with rules for {a byte: (what it becomes, what two of it become)}.

    The map must delete these bytes, as those of most models do with control characters, or be empty.

    Raises ConfigError: it does something else with them, or is damaged.

    >>> len(with_pairs(b"", {1: ("'", '"')}))
    5129
    """
    units, pool = _parts(charsmap) if charsmap else _deleting(pairs)
    root = _base(units, 0)
    more: list[np.ndarray] = []

    def place(text: str) -> int:
        nonlocal pool
        pool += text.encode("utf-8") + b"\0"
        return _UNUSED | len(pool) - len(text.encode("utf-8")) - 1

    for byte, (one, two) in pairs.items():
        at = root ^ byte
        if at >= len(units) or units[at] & (_UNUSED | 0xFF) != byte or units[at] >> 8 & 1 == 0:
            raise ConfigError(f"the normalizer Precompiled keeps the character U+{byte:04X}, which quotes need")
        first = len(units) + sum(map(len, more))
        after_one, after_two = np.full((2, _BLOCK), _UNUSED, np.uint32)
        units[at] = _unit(at, first, byte)
        after_one[0], after_two[0] = place(one), place(two)
        after_one[byte] = _unit(first ^ byte, first + _BLOCK, byte)
        more += [after_one, after_two]
    data = np.concatenate([units, *more]).astype("<u4").tobytes()
    return struct.pack("<I", len(data)) + data + pool


def _parts(charsmap: bytes) -> tuple[np.ndarray, bytes]:
    """The units of the trie, up to a border of blocks, and the pool. Raises ConfigError."""
    size = int.from_bytes(charsmap[:4], "little")
    if len(charsmap) < 4 or size % 4 or not 0 < size <= len(charsmap) - 4:
        raise ConfigError("the normalizer Precompiled is damaged: its trie is longer than its map")
    units = np.frombuffer(charsmap, "<u4", size // 4, 4)
    padding = np.full(-len(units) % _BLOCK, _UNUSED, np.uint32)
    return np.concatenate([units, padding]).astype(np.uint32), charsmap[4 + size :]


def _deleting(keys: Iterable[int]) -> tuple[np.ndarray, bytes]:
    """The units and the pool of a map that deletes some bytes."""
    units = np.full(3 * _BLOCK, _UNUSED, np.uint32)
    units[0] = _BLOCK << 10
    for byte in keys:
        units[_BLOCK + byte] = _unit(_BLOCK + byte, 2 * _BLOCK, byte)
    return units, b"\0"


def _base(units: np.ndarray, at: int) -> int:
    unit = int(units[at])
    return at ^ (unit >> 10) << ((unit & 512) >> 6)


def _unit(at: int, base: int, label: int) -> np.uint32:
    """The unit at a place for a node with a value whose children lie at `base`, which begins a block."""
    return np.uint32((at ^ base) << 10 | 1 << 8 | label)


def becomes(charsmap: bytes, key: str) -> str | None:
    """Returns what a key becomes; None: the map has no such key.

    >>> becomes(with_pairs(b"", {1: ("'", '"')}), chr(1))
    "'"
    """
    if not charsmap:
        return None
    units, pool = _parts(charsmap)
    at = 0
    for byte in key.encode("utf-8"):
        at = _base(units, at) ^ byte
        if at >= len(units) or units[at] & (_UNUSED | 0xFF) != byte:
            return None
    if not units[at] >> 8 & 1:
        return None
    place = int(units[_base(units, at)]) & ~_UNUSED
    return pool[place : pool.index(b"\0", place)].decode("utf-8", "replace")
