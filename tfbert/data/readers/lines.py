"""The text of a data file, compressed or not, strictly UTF-8: line by line, or in blocks."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tfbert.errors import DataError, nearest


def open_data(source: str) -> BinaryIO:
    """A data file open for reading bytes, through gzip if its name ends in .gz.

    Raises:
        DataError: no such file (with the nearest name), a folder, or why it cannot be opened.
    """
    try:
        if source.lower().endswith(".gz"):
            # BufferedReader iterates over lines in C, unlike GzipFile.
            return io.BufferedReader(gzip.open(source), 1 << 16)
        return open(source, "rb")
    except FileNotFoundError:
        folder, name = os.path.split(source)
        beside = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
        near = nearest(name, beside)
        hint = f"; did you mean {os.path.join(folder, near)}?" if near else ""
        raise DataError(f"{source}: there is no such file{hint}") from None
    except IsADirectoryError:
        raise DataError(f"{source}: this is a folder; name a file in it") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error


def decoded_lines(file: BinaryIO, name: str) -> Iterator[str]:
    r"""The lines of a binary file as str, each with its line end, LF or CRLF. Raises DataError.

    >>> list(decoded_lines(io.BytesIO("one\r\ntwo\u2028three".encode()), "texts.txt"))
    ['one\r\n', 'two\u2028three']
    """
    number = 0
    with _reading(name, lambda: number):
        for number, line in enumerate(file, 1):
            yield _decoded(line, name, number)


def text_blocks(source: str, size: int = 1 << 16) -> Iterator[str]:
    r"""The text of a file in blocks of about `size` bytes, in constant memory. Raises DataError.

    A block ends with a line or a word. It ends within a word only if no word ends in it, as in Chinese.

    >>> _ = pathlib.Path("corpus.txt").write_text("two lines\nof text\n")
    >>> list(text_blocks("corpus.txt", size=12))
    ['two lines\n', 'of text\n']
    """
    line, column, rest = 1, 0, b""
    with open_data(source) as file, _reading(source, lambda: line):
        while block := file.read(size):
            data = rest + block
            end = max(data.rfind(b"\n"), data.rfind(b" ")) + 1 or _whole_characters(data)
            yield _decoded(data[:end], source, line, column)
            line += data.count(b"\n", 0, end)
            last = data.rfind(b"\n", 0, end)
            column = end + column if last < 0 else end - last - 1
            rest = data[end:]
        if rest:
            yield _decoded(rest, source, line, column)


def _whole_characters(data: bytes) -> int:
    """The number of bytes before the UTF-8 character that the end of the data cuts, or of all if it cuts none."""
    for i in range(1, min(4, len(data) + 1)):
        lead = data[-i]
        if lead >= 0xC0:
            size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4 if lead < 0xF8 else 0
            return len(data) - i if size > i else len(data)
    return len(data)


def _decoded(data: bytes, name: str, line: int, column: int = 0) -> str:
    """The text of bytes that begin in a line of a file, after `column` bytes of this line."""
    begin = line == 1 and column == 0
    marks = len(codecs.BOM_UTF8) if begin and data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[marks:].decode()
    except UnicodeDecodeError as error:
        at = error.start + marks
        hint = "save the file as UTF-8"
        if begin and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            hint = "the file is UTF-16; save it as UTF-8"
        elif begin and data.startswith(b"\x1f\x8b"):
            hint = "the file is compressed by gzip; name it .gz"
        last = data.rfind(b"\n", 0, at)
        byte = at - last if last >= 0 else at + column + 1
        newlines = data.count(b"\n", 0, at)
        where = f"{name}, line {line + newlines}, byte {byte} of the line"
        raise DataError(f"{where}: 0x{data[at]:02x} is not UTF-8; {hint}") from None


@contextlib.contextmanager
def _reading(name: str, line: Callable[[], int]) -> Iterator[None]:
    """An error of the file itself becomes a DataError that says after which line it came."""
    try:
        yield
    except EOFError:
        raise DataError(f"{name}, after line {line()}: the gzip file is truncated; copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{name}, after line {line()}: not a valid gzip file ({error}); copy it again") from None
    except OSError as error:
        raise DataError(f"{name}, after line {line()}: cannot be read: {error.strerror or error}") from error
