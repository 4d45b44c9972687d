"""A map of characters compiled to the buffer that tensorflow_text's FastBertNormalizer op reads.

The buffer is the flatbuffer of tensorflow_text's fast_bert_normalizer_model.fbs: a double-array trie (the
units of darts-clone) from a character's UTF-8 bytes to a value, the value for code point 0, and a pool of
bytes. A value is 0x40000000 | offset in the pool << 6 | length of the text that takes the character's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np

_CHANGED = 0x40000000  # set in every value
_UNUSED = 0x80000000  # a unit that equals no label; with a value, the unit where a walk finds it
_CODE_POINTS = 0x110000


def normalizer_buffer(characters: Mapping[int, str], default: str | None = None, malformed: str | None = None) -> bytes:
    """Returns FastBertNormalizer's `model_buffer` (bytes) for {code point: the text that takes its place}.

    Code points that are not in `characters` stay, or become `default`. Malformed UTF-8, which the op takes in
    the pieces that Python's `decode(errors="replace")` replaces, is deleted, as BERT deletes U+FFFD; with
    `malformed`, or else `default`, each piece becomes that.

    >>> import tensorflow_text
    >>> buffer = normalizer_buffer({ord("É"): "e", ord("!"): " ! ", 0xAD: ""})
    >>> tensorflow_text.FastBertNormalizer(model_buffer=buffer).normalize(["caf\u00c9!"]).numpy()
    array([b'cafe ! '], dtype=object)
    """
    pool, value_of_malformed, values = _pool(characters, default, default if malformed is None else malformed)
    builder = flatbuffers.Builder(1 << 20)
    pool_vector = builder.CreateByteVector(pool)
    trie_vector = builder.CreateNumpyVector(_double_array(values, value_of_malformed))
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(3, pool_vector, 0)
    builder.PrependInt32Slot(2, int(values[0]), 0)
    builder.PrependUOffsetTRelativeSlot(1, trie_vector, 0)
    builder.PrependBoolSlot(0, True, False)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def _pool(
    characters: Mapping[int, str], default: str | None, of_malformed: str | None
) -> tuple[bytes, int, np.ndarray]:
    """Returns the pool, the value of malformed bytes, and the values of all code points, uint32 (0: unchanged)."""
    pool, known = bytearray(b" "), {"": _CHANGED}

    def value(text: str) -> int:
        if text not in known:
            data = text.encode("utf-8")
            known[text] = _CHANGED | len(pool) << 6 | len(data)
            pool.extend(data)
        return known[text]

    malformed = value(of_malformed or "")
    values = np.full(_CODE_POINTS, 0 if default is None else value(default), np.uint32)
    codes = np.fromiter(characters.keys(), np.int64, len(characters))
    values[codes] = np.fromiter(map(value, characters.values()), np.uint32, len(characters))
    same = np.fromiter((text == chr(code) for code, text in characters.items()), bool, len(characters))
    values[codes[same]] = 0
    return bytes(pool), malformed, values


def _double_array(values: np.ndarray, malformed: int) -> np.ndarray:
    """Returns the units (uint32) of the trie; nodes with equal content are stored once.

    A unit is found at (its parent's base) ^ (its byte). The root's children are units 256..511. Any other
    node's children are continuation bytes, 0x80..0xBF; two nodes share a row of 256 units:

        base + 0x80 .. base + 0xBF    the children; the bases of a row are its units 0 and 64
        base                          the value of the bytes up to here: a character cut short, malformed
        the units between             values of whole characters
    """
    nodes, leads = _nodes(values)
    rows = -(-len(nodes) // 2)
    number = np.arange(len(nodes))
    bases = 512 + 256 * (number // 2) + 64 * (number % 2)
    places = _places(np.unique(np.append(values[values != 0], malformed)), rows)
    units = np.full(max(512 + 256 * rows, max(places.values()) + 1), _UNUSED, np.uint32)
    units[bases] = _UNUSED | malformed
    for value, place in places.items():
        units[place] = _UNUSED | value
    units[0] = 256 << 10

    place_of = np.zeros(_CODE_POINTS, np.int64)
    changed = np.flatnonzero(values)
    ordered = np.array(sorted(places), np.uint32)
    place_of[changed] = np.array([places[int(value)] for value in ordered])[np.searchsorted(ordered, values[changed])]

    def link(positions: Any, labels: Any, targets: Any) -> None:
        units[positions] = (positions ^ targets) << 10 | 1 << 8 | labels

    continuations = np.arange(0x80, 0xC0)
    for base, (kind, content) in zip(bases, nodes, strict=True):
        if kind == "nodes":
            linked, targets = content >= 0, bases[content]
        else:
            block = slice(64 * content, 64 * content + 64)
            linked, targets = values[block] != 0, place_of[block]
        link((base ^ continuations)[linked], continuations[linked], targets[linked])
    for byte in range(1, 0x100):
        if byte < 0x80:
            target = place_of[byte]
        else:
            target = bases[leads[byte]] if byte in leads else places[malformed]
        if target:
            link(np.array([256 ^ byte]), byte, target)
    return units


def _nodes(values: np.ndarray) -> tuple[list[tuple[str, Any]], dict[int, int]]:
    """Returns the distinct nodes of the trie and {first byte: its node}.

    A node is ("values", the number of the 64 code points below it) or ("nodes", the 64 nodes below it, -1 for none).
    """
    nodes, numbers, leads = [], {}, {}

    def number(kind: str, key: bytes, content: Any) -> int:
        if (kind, key) not in numbers:
            numbers[kind, key] = len(nodes)
            nodes.append((kind, content))
        return numbers[kind, key]

    blocks = values.reshape(-1, 64)
    last = [number("values", row.tobytes(), i) for i, row in enumerate(blocks)]

    def above(below: np.ndarray, first: int, begin: int) -> list[int]:
        """Returns the nodes over runs of 64 of `below`, of which those before `begin` have a shorter encoding."""
        rows = np.where(np.arange(len(below)) < begin, -1, below)
        rows = np.append(rows, np.full(-len(rows) % 64, -1)).reshape(-1, 64)
        return [number("nodes", row.tobytes(), row) for row in rows[first:]]

    leads.update({0xC0 | block: last[block] for block in range(2, 32)})
    middle = above(np.array(last), 0, 32)  # of three bytes: up to U+FFFF
    middle[0x0D] = number("nodes", b"surrogates", np.where(np.arange(64) < 32, nodes[middle[0x0D]][1], -1))
    leads.update({0xE0 | block: middle[block] for block in range(16)})
    leads.update({0xF0 | block: node for block, node in enumerate(above(np.array(middle), 0, 16))})
    return nodes, leads


def _places(distinct: np.ndarray, rows: int) -> dict[int, int]:
    """Returns {value: its unit}: between the bases of the rows, then after them; never a multiple of 64."""
    free = (512 + 256 * row + i for row in range(rows) for i in range(1, 128) if i != 64)
    after = (place for place in range(512 + 256 * rows, 1 << 21) if place % 64)
    chained = (place for source in (free, after) for place in source)
    return dict(zip(map(int, distinct), chained, strict=False))
