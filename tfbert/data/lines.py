"""The lines of a data file, compressed or not, strictly UTF-8."""

import codecs
import difflib
import gzip
import io
import os
import zlib

from tfbert.errors import DataError


def open_data(source):
    """A data file open for reading bytes, through gzip where its name ends in .gz; else a DataError that says why."""
    try:
        if source.lower().endswith(".gz"):
            return io.BufferedReader(gzip.open(source), 1 << 16)  # iterates over lines in C, unlike GzipFile
        return open(source, "rb")
    except FileNotFoundError:
        folder, name = os.path.split(source)
        beside = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
        near = difflib.get_close_matches(name, beside, n=1)
        hint = f"; did you mean {os.path.join(folder, near[0])}?" if near else ""
        raise DataError(f"{source}: there is no such file{hint}") from None
    except IsADirectoryError:
        raise DataError(f"{source}: this is a folder; name a file in it") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error


def decoded_lines(file, name):
    """The lines of a binary file as str, each with its own line end: only LF and CRLF end one."""
    number = 0
    marks = 0
    try:
        for number, line in enumerate(file, 1):
            if number == 1 and line.startswith(codecs.BOM_UTF8):
                marks = len(codecs.BOM_UTF8)
                line = line[marks:]
            yield line.decode()
    except UnicodeDecodeError as error:
        hint = "save the file as UTF-8"
        if number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            hint = "the file is UTF-16; save it as UTF-8"
        elif number == 1 and line.startswith(b"\x1f\x8b"):
            hint = "the file is compressed by gzip; name it .gz"
        byte = error.start + 1 + (marks if number == 1 else 0)
        value = f"0x{line[error.start]:02x}"
        raise DataError(f"{name}, line {number}, byte {byte} of the line: {value} is not UTF-8; {hint}") from None
    except EOFError:
        raise DataError(f"{name}, after line {number}: the gzip file is truncated; copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{name}, after line {number}: not a valid gzip file ({error}); copy it again") from None
    except OSError as error:
        raise DataError(f"{name}, after line {number}: cannot be read: {error.strerror or error}") from error
