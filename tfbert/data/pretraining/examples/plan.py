"""Corpus files -> items of work of like size: a function of the files' names and sizes alone.

So the same corpus gives the same shards, whoever makes them and in whatever order.
"""

import dataclasses
import glob
import hashlib
import math
import os

import tensorflow as tf

from tfbert.errors import ConfigError, DataError

GZIP_RATIO = 3  # text against its gzip file, a guess for planning
_LARGE = 1.5  # shards' worth of text above which a file is cut
_SHARED_BY = 8  # a gzip file that is the whole corpus is shared by so many items, each of which decompresses all of it


@dataclasses.dataclass(frozen=True)
class Piece:
    """A file, or the documents that begin in the bytes [start, end) of one."""

    path: str
    size: int  # of the whole file
    start: int = 0
    end: int | None = None  # None: to the end of the file

    @property
    def is_gzip(self):
        return self.path.lower().endswith(".gz")

    @property
    def text_bytes(self):
        """About how much text is in it."""
        return (self.size if self.end is None else self.end - self.start) * (GZIP_RATIO if self.is_gzip else 1)


@dataclasses.dataclass(frozen=True)
class Item:
    """What one worker makes into shards: every `of`th part of the text of `pieces`, from part `share` on."""

    number: int
    pieces: tuple[Piece, ...]
    share: int = 0
    of: int = 1

    @property
    def text_bytes(self):
        """About how much text it makes into shards."""
        return sum(piece.text_bytes for piece in self.pieces) // self.of

    def described(self):
        """Plain values that tell whether a finished item was made from the same text."""
        pieces = [[os.path.basename(piece.path), piece.size, piece.start, piece.end] for piece in self.pieces]
        return {"pieces": pieces, "share": self.share, "of": self.of}


def find_files(patterns):
    """Paths and sizes of the files that patterns name, each once, in the patterns' order and by name within one.

    Raises ConfigError without a pattern, DataError for one that names no file.
    """
    if not patterns or not all(patterns):
        raise ConfigError("--input names no file")
    files = {}
    for pattern in patterns:
        found = [path for path in _matches(pattern) if not tf.io.gfile.isdir(path)]
        if not found:
            why = "this is a folder; name the files in it" if tf.io.gfile.isdir(pattern) else "there is no such file"
            raise DataError(f"--input={pattern}: {why}")
        files.update({path: tf.io.gfile.stat(path).length for path in found})
    return list(files.items())


def _matches(pattern):
    if tf.io.gfile.exists(pattern):
        return [pattern]
    if "://" in pattern:
        return sorted(tf.io.gfile.glob(pattern))
    return sorted(glob.glob(pattern, recursive=True))


def plan(files, shard_bytes):
    """Returns the Items for files, a list of (path, size).

    A large file is cut into ranges; one that is compressed cannot be, so that several items read all of it and each
    makes some of its parts. Small files are put together.

    >>> [item.pieces[0].end for item in plan([("a.txt", 100)], shard_bytes=50)]
    [50, 100]
    """
    files = [Piece(path, size) for path, size in files]
    total = sum(piece.text_bytes for piece in files)
    works, group, group_bytes = [], [], 0
    for piece in files:
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


def described(files):
    """Plain values that tell whether a corpus is the same: the number of its files, their bytes and a hash of both."""
    names_and_sizes = "".join(f"{os.path.basename(path)}\t{size}\n" for path, size in files)
    return {
        "files": len(files),
        "bytes": sum(size for _, size in files),
        "sha256": hashlib.sha256(names_and_sizes.encode("utf-8", "surrogateescape")).hexdigest(),
    }
