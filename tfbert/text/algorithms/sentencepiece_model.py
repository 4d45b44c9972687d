"""SentencePiece's .model files, written and read by hand.

Source: google/sentencepiece, src/sentencepiece_model.proto. The sentencepiece package has a module of this message,
which asks for a newer protobuf than TensorFlow comes with.
"""

from __future__ import annotations

import dataclasses
import math
import os
import struct
import typing
from collections.abc import Iterator

from tfbert.errors import VocabularyError

UNIGRAM, BPE, CHARACTERS = "unigram", "bpe", "characters"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # kinds of pieces
SPACE = "▁"  # U+2581: the letter of a space in pieces
MOST_PIECES = 4_000_000  # of a file that is read; the largest vocabularies have 260,000
_MOST_BYTES = 256 << 20  # of such a file
_KINDS = {1: UNIGRAM, 2: BPE, 4: CHARACTERS}
_VARINT, _FIXED64, _DATA, _FIXED32 = 0, 1, 2, 5  # the wire types of protobuf
_FLOAT = struct.Struct("<f")


class Piece(typing.NamedTuple):
    """A token of a model; the smaller the `score`, the rarer. `kind` is NORMAL, UNKNOWN, CONTROL, …."""

    text: bytes
    score: float = 0.0
    kind: int = NORMAL


@dataclasses.dataclass(frozen=True)
class SentencePieceModel:
    """What a .model file says: pieces by their ids, and how a text is prepared for them.

    Args:
        pieces: `Piece`s; a piece's id is its place.
        kind: "unigram", "bpe" or "characters".
        charsmap: the compiled map of the normalizer, as the library reads it; empty for none.
        unk_id, bos_id, eos_id, pad_id: ids of these pieces; -1 for none.
        add_dummy_prefix: put a space before each text.
        remove_extra_whitespaces: make one space of several, and none at both ends.
        escape_whitespaces: write a space as U+2581, as pieces have it.
        treat_whitespace_as_suffix: a space belongs to the word before it.
        byte_fallback: spell what no piece covers in BYTE pieces.

    >>> model = SentencePieceModel((Piece(b"<unk>", 0.0, UNKNOWN), Piece("▁a".encode(), -1.5)), kind="bpe")
    >>> read(write(model), "a.model") == model
    True
    """

    pieces: tuple[Piece, ...]
    kind: str = UNIGRAM
    charsmap: bytes = b""
    unk_id: int = 0
    bos_id: int = -1
    eos_id: int = -1
    pad_id: int = -1
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True
    treat_whitespace_as_suffix: bool = False
    byte_fallback: bool = False


def write(model: SentencePieceModel) -> bytes:
    """Returns the .model file of a model, which SentencePiece and tensorflow_text read."""
    out = bytearray()
    for text, score, kind in model.pieces:
        piece = _data(1, text) + b"\x15" + _FLOAT.pack(score) + (b"" if kind == NORMAL else _number(3, kind))
        out += _data(1, piece)
    number = next(number for number, kind in _KINDS.items() if kind == model.kind)
    trainer = _number(3, number) + _number(4, len(model.pieces)) + _number(24, model.treat_whitespace_as_suffix)
    trainer += _number(35, model.byte_fallback)
    named = []
    for field, at in enumerate((model.unk_id, model.bos_id, model.eos_id, model.pad_id)):
        trainer += _number(40 + field, at)
        if 0 <= at < len(model.pieces):
            named.append(_data(45 + field, model.pieces[at].text))
    out += _data(2, trainer + b"".join(named))
    flags = (model.add_dummy_prefix, model.remove_extra_whitespaces, model.escape_whitespaces)
    normalizer = _data(2, model.charsmap) + b"".join(_number(3 + i, flag) for i, flag in enumerate(flags))
    return bytes(out + _data(3, normalizer))


def read(data: bytes, source: str | os.PathLike[str]) -> SentencePieceModel:
    """Returns the model of a .model file's bytes; `source` is its name for messages.

    Raises VocabularyError: a file that is cut off, of another format, too large, or of a model of words. It
    names the file and the byte.
    """
    if len(data) > _MOST_BYTES:
        raise VocabularyError(f"{source} has {len(data):,} bytes; a SentencePiece model has {_MOST_BYTES:,} at most")
    pieces: list[Piece] = []
    trainer: dict[int, typing.Any] = {}
    normalizer: dict[int, typing.Any] = {}
    for field, value, begin, end in _fields(data, 0, len(data), source):
        if field not in (1, 2, 3):
            continue
        if end is None:
            raise _foreign(source, begin, f"field {field} is {value!r}, no message")
        found = {number: of for number, of, _, _ in _fields(data, begin, end, source)}
        if field == 1:
            pieces.append(_piece(found, len(pieces), begin, source))
        else:
            (trainer if field == 2 else normalizer).update(found)
    return _model(pieces, trainer, normalizer, source)


def _piece(found: dict[int, typing.Any], number: int, begin: int, source: str | os.PathLike[str]) -> Piece:
    """The piece of a message that begins at a byte. Raises VocabularyError."""
    if number >= MOST_PIECES:
        raise VocabularyError(f"{source}: over {MOST_PIECES:,} pieces, at byte {begin:,}")
    text, score, kind = found.get(1), found.get(2, 0.0), found.get(3, NORMAL)
    if not isinstance(text, bytes) or not text or b"\0" in text:
        raise _foreign(source, begin, f"piece {number:,} has no text, or NUL in it")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        raise _foreign(source, begin, f"piece {number:,} is not UTF-8") from None
    if not isinstance(score, float) or not math.isfinite(score):
        raise _foreign(source, begin, f"piece {number:,} has the score {score!r}")
    if kind not in range(NORMAL, BYTE + 1):
        raise _foreign(source, begin, f"piece {number:,} has the kind {kind!r}")
    return Piece(text, score, kind)


def _model(
    pieces: list[Piece],
    trainer: dict[int, typing.Any],
    normalizer: dict[int, typing.Any],
    source: str | os.PathLike[str],
) -> SentencePieceModel:
    """The model of a file's messages. Raises VocabularyError."""
    if not pieces:
        raise VocabularyError(f"{source} is no SentencePiece model: it has no pieces")
    kind = _KINDS.get(trainer.get(3, 1))
    if kind is None:
        raise VocabularyError(
            f"{source} is a SentencePiece model of type {trainer[3]!r}; tfbert has {', '.join(_KINDS.values())}"
        )
    ids = []
    for field, default in ((40, 0), (41, 1), (42, 2), (43, -1)):
        number = trainer.get(field, default)
        if not isinstance(number, int):
            raise VocabularyError(f"{source}: field {field} of its trainer is no number")
        number = number - (1 << 64) if number >> 63 else number  # int32 in ten bytes
        ids.append(number if number < len(pieces) else -1)
    charsmap = normalizer.get(2, b"")
    if not isinstance(charsmap, bytes):
        raise VocabularyError(f"{source}: the map of its normalizer is a number")
    unknown = [number for number, piece in enumerate(pieces) if piece.kind == UNKNOWN]
    if len(unknown) != 1:
        raise VocabularyError(f"{source} has {len(unknown):,} unknown pieces; a SentencePiece model has one")
    prefix, remove, escape = (bool(normalizer.get(field, True)) for field in (3, 4, 5))
    bos, eos, pad = (max(number, -1) for number in ids[1:])
    return SentencePieceModel(
        tuple(pieces),
        kind,
        charsmap,
        unk_id=unknown[0],
        bos_id=bos,
        eos_id=eos,
        pad_id=pad,
        add_dummy_prefix=prefix,
        remove_extra_whitespaces=remove,
        escape_whitespaces=escape,
        treat_whitespace_as_suffix=bool(trainer.get(24, False)),
        byte_fallback=bool(trainer.get(35, False)),
    )


def _fields(
    data: bytes, at: int, stop: int, source: str | os.PathLike[str]
) -> Iterator[tuple[int, typing.Any, int, int | None]]:
    """Yields the fields of a message: number, value, the byte where the value begins; where it ends, if it is bytes.

    Raises VocabularyError: the message ends within a field, or is none.
    """

    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while at < stop:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & (1 << 64) - 1, at
            shift += 7
            if shift > 63:
                raise _foreign(source, at, "a number of over ten bytes")
        raise _cut_off(source, stop, len(data))

    while at < stop:
        key, begin = varint(at)
        field, wire = key >> 3, key & 7
        if not 0 < field < 1 << 29:
            raise _foreign(source, at, f"there is no field {field}")
        if wire == _VARINT:
            value, at = varint(begin)
            yield field, value, begin, None
        elif wire == _DATA:
            size, begin = varint(begin)
            at = begin + size
            if at > stop:
                raise _cut_off(source, stop, len(data))
            yield field, data[begin:at], begin, at
        elif wire in (_FIXED32, _FIXED64):
            at = begin + (4 if wire == _FIXED32 else 8)
            if at > stop:
                raise _cut_off(source, stop, len(data))
            yield field, _FLOAT.unpack_from(data, begin)[0] if wire == _FIXED32 else data[begin:at], begin, None
        else:
            raise _foreign(source, at, f"field {field} has the wire type {wire}")


def _cut_off(source: str | os.PathLike[str], at: int, size: int) -> VocabularyError:
    what = "the file ends" if at == size else "a message ends"
    return VocabularyError(
        f"{source} is damaged, or no SentencePiece model: {what} within a field, at byte {at:,} of {size:,}"
    )


def _foreign(source: str | os.PathLike[str], at: int, what: str) -> VocabularyError:
    return VocabularyError(f"{source} is damaged, or no SentencePiece model: {what}, at byte {at:,}")


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1  # negative ones take ten bytes
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(number)


def _data(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | _DATA) + _varint(len(data)) + data
