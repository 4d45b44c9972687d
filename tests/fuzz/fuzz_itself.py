"""A reader with every fault, which the fuzzer must find."""

from __future__ import annotations

import os
import pathlib

from fuzzing import Reader

from tfbert.errors import DataError

INPUTS = [b"hang", b"sound", b"uncaught", b"crash", b"refused", b"much memory", b"memory"]


def _read(path: pathlib.Path) -> None:
    asked = path.read_bytes()
    if asked == b"refused":
        raise DataError(f"{path} is refused")
    if asked == b"uncaught":
        raise KeyError(asked)
    if asked == b"crash":
        os.abort()
    if asked == b"memory":
        bytearray(300 << 20)
    if asked == b"much memory":
        bytearray(3 << 30)
    while asked == b"hang":
        pass


READERS = {"all": Reader("input.txt", lambda folder: [b"sound"], _read, lambda chance, seeds: chance.choice(INPUTS))}
