"""Damage inside of containers whose outside stays sound: checksums and lengths are right, so that what is inside is read."""

from __future__ import annotations

import io
import json
import pickletools
import random
import struct
import zipfile
from collections.abc import Callable, Sequence

import mutations
from mutations import of_bytes
from tfrecords import record
from varints import varint

Mutate = Callable[[random.Random, list[bytes]], bytes]


def safetensors(chance: random.Random, seeds: list[bytes]) -> bytes:
    """A header with other values, whose length is right."""
    if chance.random() < 0.3:
        return of_bytes(chance, seeds)
    seed = chance.choice(seeds)
    length = int.from_bytes(seed[:8], "little")
    header = json.loads(seed[8 : 8 + length])
    text = mutations.json_text(chance, mutations.changed_json(chance, header)).encode("utf-8", "replace")
    size = len(text) if chance.random() < 0.95 else chance.choice(mutations.NUMBERS) & 2**64 - 1
    return size.to_bytes(8, "little") + text + seed[8 + length :]


def archive(change: dict[str, Mutate]) -> Mutate:
    """Of zip archives: an entry whose name ends with a key is changed, or one is left out, renamed or doubled."""

    def mutate(chance: random.Random, seeds: list[bytes]) -> bytes:
        if chance.random() < 0.25:
            return of_bytes(chance, seeds)
        with zipfile.ZipFile(io.BytesIO(chance.choice(seeds))) as sound:
            entries = [(info.filename, sound.read(info)) for info in sound.infolist()]
        place = chance.randrange(len(entries))
        kind = chance.randrange(12)
        if kind == 0:
            del entries[place]
        elif kind == 1:
            entries[place:place] = [entries[place]] * chance.choice((1, 50))
        elif kind == 2:
            name = of_bytes(chance, [entries[place][0].encode()]).decode("latin-1")[:5000]
            entries[place] = (name or "x", entries[place][1])
        elif kind == 3:
            entries[place] = (entries[place][0], of_bytes(chance, [entries[place][1]]))
        else:
            i, name, made = chance.choice(
                [(i, n, m) for i, (n, _) in enumerate(entries) for e, m in change.items() if n.endswith(e)]
            )
            entries[i] = (name, made(chance, [entries[i][1]]))
        stream = io.BytesIO()
        with zipfile.ZipFile(
            stream, "w", chance.choice((zipfile.ZIP_STORED,) * 15 + (zipfile.ZIP_DEFLATED,))
        ) as damaged:
            for name, content in entries:
                damaged.writestr(zipfile.ZipInfo(name), content)
        return stream.getvalue()

    return mutate


_OPERATIONS = [operation.code.encode("latin-1") for operation in pickletools.opcodes]
_NAMES = (
    b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch\nFloatStorage\n", b"cos\nsystem\n", b"cbuiltins\neval\n", b"ctorch\n\n", b"c\xff\n\xff\n",
)  # fmt: skip


def pickles(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Operations of a pickle that are others, away, doubled or new."""
    if chance.random() < 0.2:
        return of_bytes(chance, seeds)
    data = chance.choice(seeds)
    begins = [place for _, _, place in pickletools.genops(data)] + [len(data)]
    parts = [data[begin:end] for begin, end in zip(begins, begins[1:], strict=False)] + [data[begins[-1] :]]
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        place, kind = chance.randrange(len(parts)), chance.randrange(8)
        if kind == 0:
            parts[place] = b""
        elif kind == 1:
            parts[place] = parts[place] * chance.choice((2, 3, 1000))
        elif kind == 2:
            parts[place] = chance.choice(parts)
        elif kind == 3:
            parts.insert(place, chance.choice(parts))
        elif kind == 4:
            begin = chance.randrange(len(parts))
            parts[place:place] = parts[begin : begin + chance.randrange(12)]
        elif kind == 5:
            parts.insert(place, chance.choice(_OPERATIONS) + chance.randbytes(chance.choice((0, 0, 1, 4, 8))))
        elif kind == 6:
            parts.insert(place, chance.choice((*_NAMES, _whole(chance))))
        else:
            parts[place] = parts[place][:1] + of_bytes(chance, [parts[place][1:]])
    return b"".join(parts)


def _whole(chance: random.Random) -> bytes:
    """Operations that make a number, a text or a container."""
    number = chance.choice(mutations.NUMBERS)
    return chance.choice((
        b"\x8a\x09" + number.to_bytes(9, "little", signed=True), b"J" + struct.pack("<i", number % 2**31), b"K\x00", b"K\x01", b"N", b"\x88",
        b"}", b"]", b")", b"(t", b"X\x01\x00\x00\x000", b"G" + struct.pack(">d", chance.choice((0.5, -1, float("nan"), 1e300))),
        b"F1e999\n", b"I01\n", b"L9L\n", b"K\x01\x85", b"K\x01K\x02\x86", b"0", b"h\x00", b"q\x00", b"R", b"b", b"Q", b"s", b"(d", b"\x94",
    ))  # fmt: skip


def bundle_index(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Entries that lie in a table whose checksums are right."""
    from bundles import block, table  # these load TensorFlow, which the readers of data do without

    from tfbert.checkpoints.tensor_files.bundle_index import entries_of

    if chance.random() < 0.1:
        return of_bytes(chance, seeds)
    entries = list(entries_of(chance.choice(seeds)))
    for _ in range(chance.choice((1, 1, 2))):
        place, kind = chance.randrange(len(entries)), chance.randrange(6)
        key, value = entries[place]
        if kind < 3:
            entries[place] = key, message(chance, value)
        elif kind == 3:
            entries[place] = of_bytes(chance, [key])[:5000], value
        elif kind == 4:
            entries[place] = key, chance.choice(entries)[1]
        else:
            del entries[place]
            entries = entries or [(b"", b"")]
    if chance.random() < 0.9:
        entries.sort()
    blocks = [block(entries)] if chance.random() < 0.8 else [block([one]) for one in entries]
    if chance.random() < 0.15:
        blocks = [of_bytes(chance, [one]) for one in blocks]
    return table(blocks, times=1 if chance.random() < 0.97 else 40)


def message(chance: random.Random, data: bytes) -> bytes:
    """A protocol buffer with fields that are others, away or doubled; parts within parts keep their lengths right."""
    if chance.random() < 0.15:
        return of_bytes(chance, [data])
    fields = _fields(data)
    if not fields:
        return of_bytes(chance, [data])
    place, kind = chance.randrange(len(fields)), chance.randrange(7)
    number, wire, value = fields[place]
    if kind == 0:
        del fields[place]
    elif kind == 1:
        fields[place:place] = [fields[place]] * chance.choice((1, 2, 300))
    elif kind == 2:
        fields[place] = (chance.randrange(1, 20), wire, value)
    elif kind == 3:
        fields.append((chance.randrange(1, 20), 0, chance.choice(mutations.NUMBERS)))
    elif wire == 0:
        fields[place] = (number, 0, chance.choice((*mutations.NUMBERS, value + 1, value ^ 1 << chance.randrange(40))))
    elif wire == 2:
        fields[place] = (number, 2, message(chance, value))
    else:
        fields[place] = (number, wire, chance.randbytes(len(value)))
    return b"".join(
        varint(number << 3 | wire & 7)
        + (varint(value) if wire == 0 else (varint(len(value)) if wire == 2 else b"") + value)
        for number, wire, value in fields
    )


def _fields(data: bytes) -> list:
    """(number, wire type, value) of a message; [] of what is none."""
    place, found = 0, []

    def number():
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    try:
        while place < len(data):
            tag = number()
            wire = tag & 7
            if wire == 0:
                found.append((tag >> 3, 0, number()))
                continue
            size = {1: 8, 2: number() if wire == 2 else 0, 5: 4}[wire]
            if place + size > len(data):
                return []
            found.append((tag >> 3, wire, data[place : place + size]))
            place += size
    except (IndexError, KeyError):
        return []
    return found


def records(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Records with right checksums whose messages are damaged, or whose lengths lie."""
    if chance.random() < 0.15:
        return of_bytes(chance, seeds)
    data, place, parts = chance.choice(seeds), 0, []
    while place < len(data):
        (size,) = struct.unpack_from("<Q", data, place)
        parts.append(data[place + 12 : place + 12 + size])
        place += 16 + size
    which, kind = chance.randrange(len(parts)), chance.randrange(8)
    if kind == 0:
        return b"".join(
            record(part, chance.choice(mutations.NUMBERS) if i == which else None) for i, part in enumerate(parts)
        )
    if kind == 1:
        parts[which] = b""
    elif kind == 2:
        parts[which : which + 1] = [parts[which]] * chance.choice((0, 2, 100))
    else:
        parts[which] = message(chance, parts[which])
    return b"".join(map(record, parts))


def compressed(inner: Mutate) -> Mutate:
    """Of gzip: the bytes inside are damaged, or those outside."""
    import gzip

    def mutate(chance: random.Random, seeds: list[bytes]) -> bytes:
        plain = [gzip.decompress(seed) for seed in seeds]
        if chance.random() < 0.5:
            return gzip.compress(inner(chance, plain), 1, mtime=0)
        return of_bytes(chance, seeds)

    return mutate
