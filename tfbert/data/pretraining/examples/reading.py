"""A piece of a corpus -> its documents, as lists of texts (bytes, UTF-8) of a bounded size: constant memory.

A document longer than a limit is cut, and so is a line longer than a text, between words where it has any.
"""

import json
import re

from tfbert.data.pretraining.examples.corpus_file import not_utf8, opened
from tfbert.errors import DataError

TEXT_BYTES = 1 << 16  # of a text at most, or little more
JSON_LINE_BYTES = 64 << 20  # of an object, which must be parsed as a whole
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
# A line of nothing but white space, the non-breaking and the ideographic space included.
_BLANK = re.compile(rb"^(?:[ \t\r\f\v]|\xc2\xa0|\xe3\x80\x80)*(?:\n|(?<!\n)\Z)", re.MULTILINE)


def is_json(path):
    """Whether a file's name says that it holds a JSON object a line."""
    return path.lower().removesuffix(".gz").endswith(_JSON_SUFFIXES)


class DocumentReader:
    r"""Reads the documents of a `tfbert.data.pretraining.examples.plan.Piece`.

    Args:
        documents: "auto", "blank_lines", "files" or "jsonl".
        text_field: the text's key in JSON objects.
        limit: bytes of a document at most; a longer one is cut into several.

    >>> from tfbert.data.pretraining.examples.plan import Piece
    >>> size = pathlib.Path("corpus.txt").write_text("One sentence.\nAnother.\n\nA second document.\n")
    >>> list(DocumentReader("blank_lines", limit=1 << 20)(Piece("corpus.txt", size)))
    [[b'One sentence.\nAnother.\n'], [b'A second document.\n']]
    """

    def __init__(self, documents, *, text_field="text", limit):
        self.documents, self.text_field, self.limit = documents, text_field, limit
        self._reach = limit // 4  # how far behind a range's begin its first document is looked for

    def __call__(self, piece):
        """Yields a list of texts a document. Raises DataError, naming file and line."""
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

    def _border(self, file, kind, at, size):
        """Where the first document begins that begins at byte `at` or behind: the same for the ranges on both sides.

        A document that has no end within reach is cut there, at a line or between words.
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

    def _text_documents(self, file, path, begin, end, ends_at_blank):
        texts, size = [], 0
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

    def _json_documents(self, file, path, begin, end):
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

    def _text_of(self, line, where):
        """The text of a line of JSON; `where` says for an error which one it is."""
        if len(line) > JSON_LINE_BYTES:
            raise DataError(
                f"{where()}: longer than {JSON_LINE_BYTES >> 20} MB, the most for one JSON object; split it"
            )
        try:
            line = line.decode("utf-8-sig").strip()
            row = json.loads(line) if line else {self.text_field: ""}
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


def end_of_word(data, start=0):
    """How much of `data` to take so that no word is cut or, where there is no space from `start` on, no character."""
    if end := data.rfind(b" ", start) + 1:
        return end
    # Before the last character, which may not be whole.
    return next((i for i in range(len(data) - 1, max(start, len(data) - 4), -1) if data[i] & 0xC0 != 0x80), len(data))


def _blocks(file, begin, end):
    """The text in a range in blocks of TEXT_BYTES or little more, which end with a line.

    Where there is no line end in as much again, they end with a word or a character.
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


def _cut(data):
    """A text in texts of TEXT_BYTES at most, which end with a line, a word or a character."""
    at = 0
    while at < len(data):
        end = at + TEXT_BYTES
        if end < len(data):
            end = data.rfind(b"\n", at, end) + 1 or at + end_of_word(data[at:end])
        if not data[at:end].isspace():
            yield data[at:end]
        at = end


def _lines_before(path, at):
    """How many line ends there are in the first `at` bytes of a file."""
    count = 0
    with opened(path) as file:
        while at and (block := file.read(min(at, 1 << 20))):
            count += block.count(b"\n")
            at -= len(block)
    return count
