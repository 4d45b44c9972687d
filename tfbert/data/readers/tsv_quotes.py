"""Whether quotes enclose the fields of a TSV file, as pandas writes it, or are part of its text, as in GLUE."""

from __future__ import annotations

import codecs
import dataclasses
import re
from collections.abc import Iterable
from typing import BinaryIO

from absl import logging

from tfbert.data.readers.encodings import splits_at_line_ends

_BLOCK = 1 << 20  # bytes looked at together
_MOST_LINES = 1000  # of a row
_FIELD = rb'(?:"[^"]*(?:""[^"]*)*"|[^"\t\r\n]*)'
_ROW = re.compile(_FIELD + rb"(?:\t" + _FIELD + rb")*\r?\n?")
_CELL = re.compile(rb"(?:^|\t)(" + _FIELD + rb")")
# A quote within a field that does not begin with one: no program that quotes fields leaves it so.
_WITHIN = re.compile(rb'[^\t\r\n"]"[^\t\r\n"]')
_ENCLOSED = rb'(?:^|(?<=\t))"(?:[^"\t\r\n]|"")*"(?=[\t\r\n]|\Z)'
_DOUBLED = re.compile(rb'(?:^|(?<=\t))"(?:[^"\t\r\n]|"")*""(?:[^"\t\r\n]|"")*"(?=[\t\r\n]|\Z)', re.MULTILINE)
_ANY_ENCLOSED = re.compile(_ENCLOSED, re.MULTILINE)


@dataclasses.dataclass
class _Found:
    enclose: bool = False  # quotes enclose fields, for certain
    doubtful: int = 0  # fields that begin and end with a quote, where it is not certain
    first: int = 0  # line of the first of them


def quotes_enclose(file: BinaryIO, name: str, encoding: str = "utf-8") -> bool:
    r"""Whether quotes enclose fields; the file is left at its beginning. What is doubtful is said in one warning.

    Quotes enclose fields for certain if each field of the file that has one begins and ends with one, with those inside
    doubled, all rows have as many fields as the first, and a quote inside is doubled or a tab or line break is inside;
    or if all cells of the first line are enclosed, and so is something in all rows of a file of one column. A quote
    anywhere else is proof that they are text.

    >>> import io
    >>> quotes_enclose(io.BytesIO(b'text\tlabel\n"a ""fine"" film"\tgood\n'), "a.tsv")
    True
    """
    # Lines of UTF-16 are found in the text alone.
    found = _look(file if splits_at_line_ends(encoding) else codecs.EncodedFile(file, "utf-8", encoding))
    file.seek(0)
    if found.enclose:
        logging.info("%s: quotes enclose its fields, as programs write them that quote TSV", name)
    elif found.doubtful:
        logging.warning(
            "%s: %s fields begin and end with a quote, first in line %d; the quotes stay in the text. If they enclose "
            "the fields, give --format=csv, in Python format='csv', which reads fields between tabs too",
            *(name, f"{found.doubtful:,}", found.first),
        )
    return found.enclose


def _look(file: BinaryIO | codecs.StreamRecoder) -> _Found:
    """Most files are decided by blocks, in which they are only searched."""
    has_quotes, within, doubled, first, offset = False, False, 0, 0, 0
    while block := file.read(_BLOCK):
        block += file.readline()
        if not offset:
            block = block.removeprefix(codecs.BOM_UTF8)
        if not within and b'"' in block:
            has_quotes, within = True, _WITHIN.search(block) is not None
        if within and b'""' in block:
            for match in _DOUBLED.finditer(block):
                first = first if doubled else offset + match.start()
                doubled += 1
        offset += len(block)
    if within:  # then quotes are text; a file of both kinds is doubtful
        file.seek(0)
        return _Found(doubtful=doubled, first=file.read(first).count(b"\n") + 1)
    if not has_quotes:
        return _Found()
    file.seek(0)
    return _look_at_rows(file)


def _look_at_rows(lines: Iterable[bytes]) -> _Found:
    """No quote stands within a field."""
    lines = iter(lines)
    number, width, header, certain, doubtful, first = 0, None, False, False, 0, 0
    all_rows = True  # have an enclosed field
    valid = True
    for line in lines:
        number += 1
        begin, row = number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        while valid and row.count(b'"') % 2 and number - begin < _MOST_LINES:
            more = next(lines, None)
            if more is None:
                break
            row += more
            number += 1
        if not row.strip():
            continue
        if valid and _ROW.fullmatch(row):
            fields = (
                re.findall(rb"(?:^|\t)(" + _FIELD + rb")", row.rstrip(b"\r\n")) if b'"' in row else row.split(b"\t")
            )
            if width is None:
                width, header = len(fields), all(field.startswith(b'"') for field in fields)
            valid = len(fields) == width
            enclosed = [field for field in fields if field.startswith(b'"')] if b'"' in row else []
            certain = certain or any(re.search(rb'""|[\t\n]', field[1:-1]) for field in enclosed)
        else:
            valid = False
            enclosed = _ANY_ENCLOSED.findall(row)
        all_rows = all_rows and bool(enclosed)
        if enclosed:
            doubtful, first = doubtful + len(enclosed), first or begin
    if valid and doubtful and (certain or header and (width != 1 or all_rows)):
        return _Found(enclose=True)
    return _Found(doubtful=doubtful, first=first)
