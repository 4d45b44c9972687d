"""A piece of a corpus -> its documents, as lists of texts (bytes, UTF-8) of a bounded size, in constant memory.

A document that is longer than a limit is cut, and so is a line that is longer than a text: between words if possible.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tfbert.data.pretraining.examples.corpus_file import not_utf8, opened
from tfbert.data.pretraining.examples.plan import Piece
from tfbert.errors import DataError

TEXT_BYTES = 1 << 16  # about the most that a text has
JSON_LINE_BYTES = 64 << 20  # the most that an object has, which is parsed as a whole
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
# A line of white space, which includes the no-break space and the ideographic space.
_BLANK = re.compile(rb"^(?:[ \t\r\f\v]|\xc2\xa0|\xe3\x80\x80)*(?:\n|(?<!\n)\Z)", re.MULTILINE)


def is_json(path: str) -> bool:
    """Whether the name of a file says that it holds a JSON object a line.

    >>> is_json("corpus/part-1.jsonl.gz")
    True
    """
    return path.lower().removesuffix(".gz").endswith(_JSON_SUFFIXES)


class DocumentReader:
    r"""Reads the documents of a `tfbert.data.pretraining.examples.plan.Piece`.

    Args:
        documents: "auto", "blank_lines", "files" or "jsonl".
        text_field: the text's key in JSON objects.
        limit: the most bytes of a document; a longer one is cut into several.

    >>> size = pathlib.Path("corpus.txt").write_text("One sentence.\nAnother.\n\nA second document.\n")
    >>> list(DocumentReader("blank_lines", limit=1 << 20)(Piece("corpus.txt", size)))
    [[b'One sentence.\nAnother.\n'], [b'A second document.\n']]
    """

    def __init__(self, documents: str, *, text_field: str = "text", limit: int) -> None:
        self.documents, self.text_field, self.limit = documents, text_field, limit
        self._reach = limit // 4  # bytes after the begin of a range in which its first document must begin

    def __call__(self, piece: Piece) -> Iterator[list[bytes]]:
        """Yields a list of texts a document. Raises DataError, which names file and line."""
        kind = self.documents
        if kind == "auto":
            kind = "jsonl" if is_json(piece.path) else "blank_lines"
        with opened(piece.path) as file:
            begin, end = 0, None
            if piece.end is not None:
                begin, end = (self._border(file, kind, at, piece.size) for at in (piece.start, piece.end))
                file.seek(begin)
            if kind == "jsonl":
                yield from self._json_documents(file, piece.path, begin, end)
            else:
                yield from self._text_documents(file, piece.path, begin, end, kind == "blank_lines")

    def _border(self, file: BinaryIO, kind: str, at: int, size: int) -> int:
        """The byte at which the first document begins that begins at byte `at` or later.

        The ranges on both sides of `at` find the same border. A document with no end within reach is cut there, at a
        line or between words.
        """
        if at <= 0 or at >= size:
            return max(0, min(at, size))
        file.seek(at - 1)
        reach = JSON_LINE_BYTES if kind == "jsonl" else self._reach
        line = file.readline(reach)
        begin = at - 1 + len(line)
        if not line.endswith(b"\n"):
            return at - 1 + end_of_word(line, 1) if len(line) == reach and kind != "jsonl" else begin
        at = begin
        while kind == "blank_lines":
            line = file.readline(self._reach)
            if not line or _BLANK.fullmatch(line):
                return at
            at += len(line)
            if at - begin > self._reach:
                break
        return begin

    def _text_documents(
        self, file: BinaryIO, path: str, begin: int, end: int | None, ends_at_blank: bool
    ) -> Iterator[list[bytes]]:
        texts: list[bytes] = []
        size = 0
        for block in _blocks(file, begin, end):
            try:
                block.decode()
            except UnicodeDecodeError:
                raise not_utf8(path) from None
            for number, text in enumerate(_BLANK.split(block) if ends_at_blank else [block]):
                if texts and (number or size + len(text) > self.limit):
                    yield texts
                    texts, size = [], 0
                if text:
                    texts.append(text)
                    size += len(text)
        if texts:
            yield texts

    def _json_documents(self, file: BinaryIO, path: str, begin: int, end: int | None) -> Iterator[list[bytes]]:
        position, number = begin, 0
        while end is None or position < end:
            line = file.readline(JSON_LINE_BYTES + 1)
            if not line:
                return
            position, number = position + len(line), number + 1
            text = self._text_of(line, lambda: f"{path}, line {_lines_before(path, begin) + number}")  # noqa: B023
            texts = list(_cut(text.encode("utf-8", "replace")))
            many = max(1, self.limit // TEXT_BYTES)
            yield from (texts[i : i + many] for i in range(0, len(texts), many))

    def _text_of(self, line: bytes, where: Callable[[], str]) -> str:
        """The text of a line of JSON; `where` names file and line for an error."""
        if len(line) > JSON_LINE_BYTES:
            raise DataError(
                f"{where()}: longer than {JSON_LINE_BYTES >> 20} MB, the most for one JSON object; split it"
            )
        try:
            decoded = line.decode("utf-8-sig").strip()
            row = json.loads(decoded) if decoded else {self.text_field: ""}
        except UnicodeDecodeError as error:
            raise DataError(
                f"{where()}, byte {error.start + 1} of the line: 0x{line[error.start]:02x} is not UTF-8; "
                "save the file as UTF-8"
            ) from None
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where()}: not JSON: {getattr(error, 'msg', error)}") from None
        if not isinstance(row, dict):
            raise DataError(f"{where()}: expected an object, not {type(row).__name__}")
        text = row.get(self.text_field)
        if not isinstance(text, str):
            what = f"{type(text).__name__} at" if self.text_field in row else "no key"
            keys = ", ".join(map(repr, list(row)[:9]))
            raise DataError(f"{where()}: {what} {self.text_field!r}; --text_field names the text (keys: {keys})")
        return text


def end_of_word(data: bytes, start: int = 0) -> int:
    """The length of `data` without the word that its end may cut; without the last character if there is no space
    after `start`.

    >>> end_of_word(b"two wor")
    4
    """
    if end := data.rfind(b" ", start) + 1:
        return end
    # Before the last character, which may not be whole.
    return next((i for i in range(len(data) - 1, max(start, len(data) - 4), -1) if data[i] & 0xC0 != 0x80), len(data))


def _blocks(file: BinaryIO, begin: int, end: int | None) -> Iterator[bytes]:
    """The text in a range in blocks of about TEXT_BYTES, which end with a line.

    If the next TEXT_BYTES have no line end, the block ends with a word or a character.
    """
    position, rest = begin, b""
    while block := file.read(TEXT_BYTES if end is None else min(TEXT_BYTES, end - position)):
        position += len(block)
        if not block.endswith(b"\n"):
            line = file.readline(TEXT_BYTES if end is None else min(TEXT_BYTES, end - position))
            position += len(line)
            block += line
        block = rest + block
        cut = block.rfind(b"\n") + 1 or end_of_word(block)
        block, rest = block[:cut], block[cut:]
        yield block
    if rest:
        yield rest


def _cut(data: bytes) -> Iterator[bytes]:
    """A text, cut into texts of TEXT_BYTES at most, which end with a line, a word or a character."""
    at = 0
    while at < len(data):
        end = at + TEXT_BYTES
        if end < len(data):
            end = data.rfind(b"\n", at, end) + 1 or at + end_of_word(data[at:end])
        if not data[at:end].isspace():
            yield data[at:end]
        at = end


def _lines_before(path: str, at: int) -> int:
    """The number of line ends in the first `at` bytes of a file."""
    count = 0
    with opened(path) as file:
        while at and (block := file.read(min(at, 1 << 20))):
            count += block.count(b"\n")
            at -= len(block)
    return count
