"""Corpus files -> items of work of similar size: a function of the files' names and sizes alone.

Therefore a corpus gives the same shards, whatever makes them and in whatever order.
"""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import math
import os
from collections.abc import Sequence

import tensorflow as tf

from tfbert.errors import ConfigError, DataError

GZIP_RATIO = 3  # bytes of text in a byte of gzip, an estimate
_LARGE = 1.5  # a file with more text than this many shards have is cut
_SHARED_BY = 8  # items that share a gzip file that is the whole corpus; each of them decompresses all of it


@dataclasses.dataclass(frozen=True)
class Piece:
    """A file, or the documents that begin in the bytes [start, end) of one."""

    path: str
    size: int  # of the whole file
    start: int = 0
    end: int | None = None  # None: to the end of the file

    @property
    def is_gzip(self) -> bool:
        return self.path.lower().endswith(".gz")

    @property
    def text_bytes(self) -> int:
        """An estimate of its text, in bytes."""
        return (self.size if self.end is None else self.end - self.start) * (GZIP_RATIO if self.is_gzip else 1)


@dataclasses.dataclass(frozen=True)
class Item:
    """What one worker makes into shards: each `of`th part of the text of `pieces`, beginning with part `share`."""

    number: int
    pieces: tuple[Piece, ...]
    share: int = 0
    of: int = 1

    @property
    def text_bytes(self) -> int:
        """An estimate of the text that it makes into shards, in bytes."""
        return sum(piece.text_bytes for piece in self.pieces) // self.of

    def described(self) -> dict:
        """Plain values; a finished item with the same values was made from the same text."""
        pieces = [[os.path.basename(piece.path), piece.size, piece.start, piece.end] for piece in self.pieces]
        return {"pieces": pieces, "share": self.share, "of": self.of}


def find_files(patterns: Sequence[str]) -> list[tuple[str, int]]:
    """(path, size) of the files that patterns name, each once, in the order of the patterns and sorted within one.

    Raises:
        ConfigError: there is no pattern.
        DataError: a pattern that names no file.

    >>> _ = pathlib.Path("b.txt").write_text("Two."), pathlib.Path("a.txt").write_text("One.")
    >>> find_files(["*.txt"])
    [('a.txt', 4), ('b.txt', 4)]
    """
    if not patterns or not all(patterns):
        raise ConfigError("--input names no file")
    files: dict[str, int] = {}
    for pattern in patterns:
        found = [path for path in _matches(pattern) if not tf.io.gfile.isdir(path)]
        if not found:
            why = "this is a folder; name the files in it" if tf.io.gfile.isdir(pattern) else "there is no such file"
            raise DataError(f"--input={pattern}: {why}")
        files.update({path: tf.io.gfile.stat(path).length for path in found})
    return list(files.items())


def _matches(pattern: str) -> list[str]:
    if tf.io.gfile.exists(pattern):
        return [pattern]
    if "://" in pattern:
        return sorted(tf.io.gfile.glob(pattern))
    return sorted(glob.glob(pattern, recursive=True))


def plan(files: Sequence[tuple[str, int]], shard_bytes: int) -> list[Item]:
    """The items for files, given as (path, size).

    A large file is cut into ranges. A compressed one cannot be cut: several items read all of it, and each makes some
    of its parts. Small files are put together.

    >>> [item.pieces[0].end for item in plan([("a.txt", 100)], shard_bytes=50)]
    [50, 100]
    """
    pieces = [Piece(path, size) for path, size in files]
    total = sum(piece.text_bytes for piece in pieces)
    works: list[tuple[tuple[Piece, ...], int, int]] = []
    group: list[Piece] = []
    group_bytes = 0
    for piece in pieces:
        text = piece.text_bytes
        if text <= _LARGE * shard_bytes:
            if group and group_bytes + text > _LARGE * shard_bytes:
                works.append((tuple(group), 0, 1))
                group, group_bytes = [], 0
            group.append(piece)
            group_bytes += text
        elif piece.is_gzip:
            of = max(1, min(math.ceil(text / shard_bytes), round(_SHARED_BY * text / total)))
            works += [((piece,), share, of) for share in range(of)]
        else:
            ranges = round(piece.size / shard_bytes)
            ends = [piece.size * number // ranges for number in range(ranges + 1)]
            works += [((dataclasses.replace(piece, start=ends[i], end=ends[i + 1]),), 0, 1) for i in range(ranges)]
    if group:
        works.append((tuple(group), 0, 1))
    return [Item(number, *work) for number, work in enumerate(works)]


def described(files: Sequence[tuple[str, int]]) -> dict:
    """Plain values that are the same for the same corpus: the number of files, their bytes, a hash of names and sizes.

    >>> described([("a.txt", 4), ("b.txt", 4)])["bytes"]
    8
    """
    names_and_sizes = "".join(f"{os.path.basename(path)}\t{size}\n" for path, size in files)
    return {
        "files": len(files),
        "bytes": sum(size for _, size in files),
        "sha256": hashlib.sha256(names_and_sizes.encode("utf-8", "surrogateescape")).hexdigest(),
    }
