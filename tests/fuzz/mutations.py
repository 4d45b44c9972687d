"""Changes of sound contents that look for the limits of a reader: of bytes, of lines of text, of JSON."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

from varints import varint

NUMBERS = (0, 1, -1, 2, 7, 127, 128, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 10**12, 2**63 - 1,
           -(2**31), -(2**63), 2**64 - 1)  # fmt: skip
_PIECES = (
    b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xc2\x85", b"\r", b"\n",
    b"\r\n", b"\n\n", b"\t", b'"', b'""', b"\\", b",", b";", b"|", b" ", b"{", b"}", b"[", b"]", b":", b"NaN", b"1e999",
    b"-0", b"null", b"true", b"\\ud800", b"\\u0000", b"__label__", b"#", b"=", b"<", b">", b"&", b"'", b"\x1a",
)  # fmt: skip


def of_bytes(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, with one to four changes of its bytes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        data = bytearray(chance.choice(_CHANGES)(chance, data, seeds))
    return bytes(data)


def _place(chance: random.Random, data: bytes) -> int:
    """A place in the data, half of the times near one of the ends."""
    near = chance.random()
    if near < 0.35:
        return chance.randrange(min(len(data), 100) + 1)
    if near < 0.5:
        return len(data) - chance.randrange(min(len(data), 60) + 1)
    return chance.randrange(len(data) + 1)


def _span(chance: random.Random, data: bytes, most: int = 64) -> slice:
    begin = _place(chance, data)
    return slice(
        begin, begin + chance.choice((1, 1, 2, 4, 8, chance.randint(1, most), chance.randint(1, len(data) + 1)))
    )


def _flip(chance, data, seeds):
    if data:
        data[min(_place(chance, data), len(data) - 1)] ^= 1 << chance.randrange(8)
    return data


def _byte(chance, data, seeds):
    if data:
        data[min(_place(chance, data), len(data) - 1)] = chance.randrange(256)
    return data


def _delete(chance, data, seeds):
    del data[_span(chance, data)]
    return data


def _cut(chance, data, seeds):
    return data[: _place(chance, data)]


def _copy_within(chance, data, seeds):
    piece, place = data[_span(chance, data)], _place(chance, data)
    data[place:place] = piece * chance.choice((1, 1, 2, 16))
    return data[: 1 << 20]


def _insert(chance, data, seeds):
    place = _place(chance, data)
    data[place:place] = chance.choice(_PIECES) * chance.choice((1, 1, 1, 3, 500))
    return data


def _number(chance, data, seeds):
    """An interesting number over others, in a width and byte order."""
    number, kind = chance.choice(NUMBERS), chance.choice(("<B", "<H", "<I", "<Q", ">H", ">I", ">Q", "varint", "text"))
    if kind == "text":
        return _digits(chance, data, seeds)
    if kind == "varint":
        made = varint(number)
    else:
        width = struct.calcsize(kind)
        made = struct.pack(kind, number & (1 << 8 * width) - 1)
    place = _place(chance, data)
    data[place : place + len(made)] = made
    return data


def _digits(chance, data, seeds):
    """Another number in the place of one in digits."""
    places = [i for i, byte in enumerate(data) if 48 <= byte < 58]
    if places:
        begin = end = chance.choice(places)
        while end < len(data) and 48 <= data[end] < 58:
            end += 1
        data[begin:end] = str(chance.choice((*NUMBERS, 10**30, "9" * 5000))).encode()
    return data


def _splice(chance, data, seeds):
    other = chance.choice(seeds)
    return data[: _place(chance, data)] + other[_place(chance, other) :]


_CHANGES: tuple[Callable[..., bytearray], ...] = (
    _flip, _flip, _byte, _byte, _delete, _cut, _copy_within, _insert, _number, _number, _digits, _splice,
)  # fmt: skip


def of_lines(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """As `of_bytes`; half of the times lines or cells change their places instead."""
    if chance.random() < 0.5:
        return of_bytes(chance, seeds)
    end = chance.choice((b"\n", b"\n", b"\r\n", b"\t", b",", b" ", b'"'))
    parts = chance.choice(seeds).split(end)
    for _ in range(chance.choice((1, 1, 2, 3))):
        place = chance.randrange(len(parts))
        kind = chance.randrange(6)
        if kind == 0:
            del parts[place]
        elif kind == 1:
            parts[place:place] = [chance.choice(parts)] * chance.choice((1, 2, 300))
        elif kind == 2:
            parts[place] = chance.choice(parts)
        elif kind == 3:
            parts[place] = of_bytes(chance, [parts[place]])
        elif kind == 4:
            parts[place] = chance.choice(_PIECES) * chance.choice((1, 2, 5000))
        else:
            chance.shuffle(parts)
        parts = parts or [b""]
    return end.join(parts)


_DEEP = "deep: a text that becomes lists in lists"
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.5, -1.5, 2**31, 10**12, 10**30, 1e-320, float("nan"), float("inf"), "", "x", "\0", "\ud800", "é" * 300,
    "x" * 100_000, [], [[]], [None], {}, {"": None}, {"a": {"b": 1}}, [1, "a", None], {"1": None}, _DEEP, "../../etc/passwd",
    "[UNK]", "[CLS]", "##x", "/", ".", "\u202e",
)  # fmt: skip


def of_json(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A JSON text with values and keys that are others, too many, too few or too deep; at times bytes change too."""
    if chance.random() < 0.1:
        return of_bytes(chance, seeds)
    value = json.loads(chance.choice(seeds))
    text = json_text(chance, changed_json(chance, value, [json.loads(seed) for seed in seeds[:3]])).encode(
        "utf-8", "replace"
    )
    return of_bytes(chance, [text]) if chance.random() < 0.1 else text


def json_text(chance: random.Random, value: Any) -> str:
    """A value as JSON, in which hostile texts become what json.dumps does not write."""
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    if _DEEP in text:
        times = chance.choice((50, 500, 5000))
        opening, closing = chance.choice((("[", "]"), ('{"a":', "}")))
        text = text.replace(f'"{_DEEP}"', opening * times + "1" + closing * times, 1)
    if chance.random() < 0.03:
        text = text.replace(
            "1000000000000000000000000000000", chance.choice(("1" + "0" * 400, "1e400", "-" + "9" * 5000))
        )
    return text


def changed_json(chance: random.Random, value: Any, others: Sequence[Any] = ()) -> Any:
    """A copy of a value of JSON with one to three changes."""
    root = [copy.deepcopy(value)]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places: list[tuple[Any, Any]] = []
        _list_places(root, places)
        held, key = chance.choice(places)
        kind = chance.randrange(10)
        if kind < 5:
            held[key] = copy.deepcopy(chance.choice(_VALUES))
        elif kind == 5 and held is not root:
            del held[key]
        elif kind == 6:  # a value of another place
            other, name = chance.choice(places)
            held[key] = copy.deepcopy(other[name])
        elif kind == 7 and isinstance(held, dict):
            held[chance.choice(("", "x", "\0", "a" * 3000, f"{key} ", str(key).upper()))] = held.pop(key)
        elif kind == 8 and isinstance(held[key], (int, float)):
            held[key] = chance.choice((*NUMBERS, 0.0, 1e300, -0.0, held[key] + 1, -held[key]))
        elif kind == 9 and isinstance(held[key], str):
            held[key] = of_bytes(chance, [held[key].encode("utf-8", "surrogatepass")]).decode("utf-8", "replace")
        elif isinstance(held, list):
            held[key:key] = [copy.deepcopy(held[key])] * chance.choice((1, 2, 300))
        else:
            held[key] = [held[key]] if chance.random() < 0.5 else {"a": held[key]}
    return root[0]


def _list_places(value: Any, places: list[tuple[Any, Any]]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in items:
        places.append((value, key))
        if len(places) < 5000:
            _list_places(held, places)
