"""Pieces of a corpus -> documents: nothing lost or read twice, whatever the borders; faults are named."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfbert.data.pretraining.examples import reading
from tfbert.data.pretraining.examples.plan import Item, Piece, plan
from tfbert.data.pretraining.examples.reading import DocumentReader
from tfbert.data.pretraining.examples.work import parts
from tfbert.errors import DataError

LINES = st.lists(st.sampled_from(["", " \t", "\u3000", "a line", "字字字", "word " * 9, "\r", "x" * 40]), max_size=40)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def documents_of(text):
    """What a plain reading of the rule gives."""
    documents = [[]]
    for line in text.split("\n"):
        if line.strip(" \t\r\u3000"):
            documents[-1].append(line)
        else:
            documents.append([])
    return ["\n".join(lines).rstrip("\r") for lines in documents if lines]


def joined(documents):
    return [b"".join(texts).decode().strip("\r\n") for texts in documents]


@FEW
@given(LINES, st.booleans(), st.integers(1, 99))
def test_documents_between_blank_lines(tmp_path, lines, compressed, text_bytes):
    text = "\n".join(lines)
    path = tmp_path / ("a.txt.gz" if compressed else "a.txt")
    path.write_bytes(gzip.compress(text.encode()) if compressed else text.encode())
    reader = DocumentReader("auto", limit=1 << 20)
    before, reading.TEXT_BYTES = reading.TEXT_BYTES, text_bytes + 50
    try:
        found = joined(reader(Piece(str(path), path.stat().st_size)))
    finally:
        reading.TEXT_BYTES = before
    assert found == documents_of(text)


@FEW
@given(LINES, st.integers(200, 400), st.sampled_from(["blank_lines", "files"]))
def test_ranges_share_a_file(tmp_path, lines, shard_bytes, documents):
    text = "\n".join(lines).encode()
    path = tmp_path / "a.txt"
    path.write_bytes(text * 9)
    items = plan([(str(path), len(text) * 9)], shard_bytes)
    read = DocumentReader(documents, limit=shard_bytes)
    in_ranges = [document for item in items for document in read(item.pieces[0])]
    # A document without an end within reach is cut, at a line end or even in a word: the letters alone are compared.
    whole = list(read(Piece(str(path), len(text) * 9)))

    def letters(found):
        return b"".join(b"".join(texts) for texts in found).translate(None, b" \t\r\n")

    assert letters(in_ranges) == letters(whole)


def test_ranges_keep_documents_whole(tmp_path):
    text = "".join(f"document {number}\nhas lines\n\n" for number in range(200))
    path = tmp_path / "a.txt"
    path.write_text(text)
    items = plan([(str(path), len(text))], 500)
    assert len(items) > 5
    read = DocumentReader("blank_lines", limit=500)
    assert joined(d for item in items for d in read(item.pieces[0])) == documents_of(text)
    rows = "".join(json.dumps({"text": f"document {number}"}) + "\n" for number in range(200))
    path.write_text(rows)
    items = plan([(str(path), len(rows))], 500)
    read = DocumentReader("jsonl", limit=500)
    assert joined(d for item in items for d in read(item.pieces[0])) == [f"document {n}" for n in range(200)]


def test_a_file_is_one_document(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    assert list(DocumentReader("files", limit=99)(Piece(str(tmp_path / "a.txt"), 9))) == [[b"one\n\ntwo\n"]]


@pytest.mark.parametrize("text", ["word " * 60_000, "字" * 90_000, "x" * 300_000])
def test_a_long_line_is_cut_between_words(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text)
    (document,) = DocumentReader("blank_lines", limit=1 << 20)(Piece(str(path), path.stat().st_size))
    assert b"".join(document).decode() == text
    assert 3 <= len(document) <= 9
    assert all(len(part) <= 4 * reading.TEXT_BYTES for part in document)
    for part in document[:-1]:
        assert part.decode()[-1] == text[4 if text[0] == "w" else 0]
    items = plan([(str(path), path.stat().st_size)], 100_000)
    read = DocumentReader("blank_lines", limit=100_000)
    assert b"".join(b"".join(d) for item in items for d in read(item.pieces[0])).decode() == text


def test_a_long_document_is_cut(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a line of text\n" * 50_000)
    documents = list(DocumentReader("files", limit=200_000)(Piece(str(path), path.stat().st_size)))
    assert [sum(map(len, texts)) <= 200_000 for texts in documents] == [True] * 4
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "a line of text\n" * 50_000}))
    documents = list(DocumentReader("auto", limit=200_000)(Piece(str(path), path.stat().st_size)))
    assert [sum(map(len, texts)) <= 200_000 for texts in documents] == [True] * 4
    assert b"".join(b"".join(texts) for texts in documents) == b"a line of text\n" * 50_000


def test_parts_are_shared(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress("".join(f"document {number}\n\n" for number in range(100)).encode()))
    piece = Piece(str(path), path.stat().st_size)
    read = DocumentReader("auto", limit=500)
    alone = dict(parts(read, Item(0, (piece,)), 150))
    assert list(alone) == list(range(8))
    shared = [dict(parts(read, Item(share, (piece,), share, 4), 150)) for share in range(4)]
    assert [list(numbers) for numbers in shared] == [[0, 4], [1, 5], [2, 6], [3, 7]]
    assert {number: documents for some in shared for number, documents in some.items()} == alone


def read_all(path, **kwargs):
    piece = Piece(str(path), path.stat().st_size, *kwargs.pop("range", ()))
    return list(DocumentReader("auto", limit=1 << 10, **kwargs)(piece))


def test_faults_of_text_are_named_by_their_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n" * 9_999 + b"caf\xe9\n" + b"two\n" * 99)
    for bytes_read in ((), (20_000, 40_301)):
        with pytest.raises(DataError, match=r"a.txt, line 10000, byte 4 of the line: 0xe9 is not UTF-8; save"):
            read_all(path, range=bytes_read)
    path.write_bytes("text\n".encode("utf-16"))
    with pytest.raises(DataError, match=r"a.txt, line 1, byte 1 .* UTF-16"):
        read_all(path)
    path.write_bytes(gzip.compress(b"text"))
    with pytest.raises(DataError, match=r"compressed by gzip; name it .gz"):
        read_all(path)
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(bytes(range(97, 122)) * 999)[:-20])
    with pytest.raises(DataError, match=r"a.txt.gz: the gzip file is truncated"):
        read_all(path)
    path.write_bytes(b"text")
    with pytest.raises(DataError, match=r"a.txt.gz: not a valid gzip file"):
        read_all(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "line 3: not JSON: Expecting property name"),
        (b"[" * 200_000, "line 3: not JSON"),
        (b'{"text": "caf\xe9"}', "line 3, byte 14 of the line: 0xe9 is not UTF-8"),
        (b'["a"]', "line 3: expected an object, not list"),
        (b'{"title": "a"}', r"line 3: no key 'text'; --text_field names the text \(keys: 'title'\)"),
        (b'{"text": 3}', "line 3: int at 'text'"),
    ],
)
def test_faults_of_json_are_named_by_their_line(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "one"}\n\n' + line + b'\n{"text": "two"}\n')
    with pytest.raises(DataError, match=message):
        read_all(path)
    with pytest.raises(DataError, match=message):
        read_all(path, range=(10, path.stat().st_size))


def test_a_long_json_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "JSON_LINE_BYTES", 2 << 20)
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n' + json.dumps({"text": "a" * (1 << 20)}) + "\n")
    assert sum(len(text) for document in read_all(path) for text in document) == 3 + (1 << 20)
    path.write_text('{"text": "one"}\n' + json.dumps({"text": "a" * (2 << 20)}) + "\n")
    with pytest.raises(DataError, match="line 2: longer than 2 MB, the most for one JSON object"):
        read_all(path)


def test_another_field(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"body": "one\\ntwo"}\n{"body": ""}\n{"body": "\\ud800"}\n')
    assert read_all(path, text_field="body") == [[b"one\ntwo"], [b"?"]]
