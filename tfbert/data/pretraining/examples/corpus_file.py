"""A corpus file, local or remote, compressed or not, open for reading; errors say what is wrong with it and where."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import tensorflow as tf

from tfbert.errors import DataError


@contextlib.contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Yields a buffered binary file, through gzip if its name ends in .gz.

    Raises:
        DataError: the file cannot be opened, or cannot be read inside the block.

    >>> _ = pathlib.Path("corpus.txt").write_text("One sentence.")
    >>> with opened("corpus.txt") as file:
    ...     file.read()
    b'One sentence.'
    """
    try:
        with contextlib.ExitStack() as stack:
            raw: io.RawIOBase = _Remote(path) if "://" in path else open(path, "rb", buffering=0)
            file = stack.enter_context(io.BufferedReader(raw, 1 << 16))
            if path.lower().endswith(".gz"):
                unpacked: Any = stack.enter_context(gzip.GzipFile(fileobj=file))
                file = io.BufferedReader(unpacked, 1 << 16)  # reads lines in C, unlike GzipFile
            yield file
    except EOFError:
        raise DataError(f"{path}: the gzip file is truncated; copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: not a valid gzip file ({error}); copy it again") from None
    except tf.errors.OpError as error:
        raise DataError(f"{path}: cannot be read: {error.message}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def not_utf8(path: str) -> DataError:
    """The DataError for a file that is not UTF-8. Reads the file again, up to its first wrong byte."""
    line, column, rest, begin = 1, 0, b"", b""
    with opened(path) as file:
        while True:
            block = file.read(1 << 20)
            begin = begin or block[:2]
            data, rest = rest + block, b""
            try:
                _, used = codecs.utf_8_decode(data, "strict", not block)
                rest, data = data[used:], data[:used]
            except UnicodeDecodeError as error:
                data, wrong = data[: error.start], data[error.start]
                break
            finally:
                line += data.count(b"\n")
                last = data.rfind(b"\n")
                column = column + len(data) if last < 0 else len(data) - last - 1
            if not block:
                return DataError(f"{path}: was not UTF-8 and has changed since")
    hint = "save the file as UTF-8"
    if begin in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        hint = "the file is UTF-16; save it as UTF-8"
    elif begin == b"\x1f\x8b":
        hint = "the file is compressed by gzip; name it .gz"
    return DataError(f"{path}, line {line}, byte {column + 1} of the line: 0x{wrong:02x} is not UTF-8; {hint}")


class _Remote(io.RawIOBase):
    """A file that tf.io.gfile reads, such as gs://…, for Python's own io."""

    def __init__(self, path: str) -> None:
        self._file = tf.io.gfile.GFile(path, "rb")
        self._file.size()  # raises here if there is no such file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
