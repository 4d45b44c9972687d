"""The text of a data file, compressed or not, UTF-8 unless another encoding is given: line by line, or in blocks."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import itertools
import os
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from absl import logging

from tfbert.data.readers.encodings import MARKED, likely_encodings, splits_at_line_ends
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


def decoded_lines(file: BinaryIO, name: str, encoding: str = "utf-8") -> Iterator[str]:
    r"""The lines of a binary file as str, each with its line end, LF or CRLF. Raises DataError.

    Args:
        encoding: a name of `checked_encoding`. A warning says where a file seems to be UTF-8 and not this encoding.

    >>> list(decoded_lines(io.BytesIO("one\r\ntwo\u2028three".encode()), "texts.txt"))
    ['one\r\n', 'two\u2028three']
    """
    if encoding == "utf-8":
        return _utf8_lines(file, name)
    if encoding in MARKED and hasattr(file, "peek") and not file.peek(2)[:2].startswith(MARKED[encoding]):
        raise DataError(
            f"{name}: does not begin with the mark of {encoding}; give --encoding={encoding}-le or {encoding}-be for a "
            "file without it"
        )
    return _other_lines(file, name, encoding)


def _utf8_lines(file: BinaryIO, name: str) -> Iterator[str]:
    number = 0
    with _reading(name, lambda: number):
        lines = iter(file)
        for line in itertools.islice(lines, 1):  # which may have a mark
            yield _decoded(line, name, 1, advice=_encoding_advice)
        for number, line in enumerate(lines, 2):
            try:
                text = line.decode()
            except UnicodeDecodeError:
                text = _decoded(line, name, number, advice=_encoding_advice)  # raises
            yield text


def _other_lines(file: BinaryIO, name: str, encoding: str) -> Iterator[str]:
    number = 0
    with _reading(name, lambda: number):
        try:
            if not splits_at_line_ends(encoding):
                text = io.TextIOWrapper(file, encoding, newline="\n")
                for number, line in enumerate(text, 1):
                    yield line.removeprefix("\ufeff") if number == 1 else line
                text.detach()  # else it closes the file
                return
            utf8, others = 0, 0
            for number, data in enumerate(file, 1):
                if number == 1 and data.startswith(codecs.BOM_UTF8):
                    raise DataError(f"{name} begins with the mark of UTF-8; leave out --encoding, in Python encoding=")
                if not data.isascii():
                    is_utf8 = _is_utf8(data)
                    utf8, others = utf8 + is_utf8, others + (not is_utf8)
                yield data.decode(encoding)
        except UnicodeError as error:
            raise DataError(f"{name}, line {number}: not {encoding}: {error}; give another --encoding") from None
    if utf8 and not others:
        logging.warning(
            "%s: all %s lines that are not ASCII are valid UTF-8; it seems to be UTF-8, and was read as %s",
            *(name, f"{utf8:,}", encoding),
        )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


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


def _decoded(
    data: bytes, name: str, line: int, column: int = 0, advice: Callable[[bytes, bool], str] | None = None
) -> str:
    """The text of bytes that begin in a line of a file, after `column` bytes of this line.

    Args:
        advice: what to do about bytes that are not UTF-8, by them and whether they begin the file.
    """
    begin = line == 1 and column == 0
    marks = len(codecs.BOM_UTF8) if begin and data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[marks:].decode()
    except UnicodeDecodeError as error:
        at = error.start + marks
        hint = advice(data, begin) if advice else "save the file as UTF-8"
        if advice is None and begin and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            hint = "the file is UTF-16; save it as UTF-8"
        if begin and data.startswith(b"\x1f\x8b"):
            hint = "the file is compressed by gzip; name it .gz"
        last = data.rfind(b"\n", 0, at)
        byte = at - last if last >= 0 else at + column + 1
        newlines = data.count(b"\n", 0, at)
        where = f"{name}, line {line + newlines}, byte {byte} of the line"
        raise DataError(f"{where}: 0x{data[at]:02x} is not UTF-8; {hint}") from None


def _encoding_advice(line: bytes, begins: bool) -> str:
    first, *others = likely_encodings(line, begins=begins)
    likely = f"the file seems to be {first}" + (f" (or {', '.join(others)})" if others else "")
    return f"{likely}: give --encoding={first}, in Python encoding={first!r}, or save it as UTF-8"


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
