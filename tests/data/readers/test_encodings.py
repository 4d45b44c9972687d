"""Files that are not UTF-8: read with their encoding, or refused with the likely one."""

import io
import sys
import types

import pytest

from tfbert.data import read, stream
from tfbert.data.readers.encodings import likely_encodings
from tfbert.errors import ConfigError, DataError

ROWS = "text,label\r\ncafé au lait,gut\r\nna\u00efve \u0a0a,ok\r\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "UTF-8", "utf-8-sig", "gb18030", "utf-32"])
def test_read_with_its_encoding(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(ROWS.encode(encoding))
    expected = {"text": ["café au lait", "na\u00efve \u0a0a"], "label": ["gut", "ok"]}
    assert read(path, encoding=encoding).columns == expected
    tables = list(stream(path, encoding=encoding, most_rows=1))
    assert [table.columns["text"] for table in tables] == [["café au lait"], ["na\u00efve \u0a0a"]]


def test_standard_input_stays_open(monkeypatch):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO("é\n".encode("utf-16"))))
    assert read("-", encoding="utf-16").column("text") == ["é"]
    assert not sys.stdin.buffer.closed


@pytest.mark.parametrize(
    ("text", "encoding", "advice"),
    [
        ("caf\u00e9", "latin-1", "latin-1"),
        ("caf\u00e9 \u2019s", "cp1252", "cp1252"),
        ("\u0441\u043b\u043e\u0432\u043e \u0438 \u0434\u0435\u043b\u043e", "cp1251", "cp1251"),
        ("\u8fd9\u90e8\u7535\u5f71\u5f88\u597d", "gb18030", "gb18030"),
        ("a\tb", "utf-16", "utf-16"),
    ],
)
def test_the_likely_encoding_is_named(tmp_path, text, encoding, advice):
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=f"the file seems to be {advice}.*: give --encoding={advice}, in Python"):
        read(tmp_path / "a.txt")
    assert read(tmp_path / "a.txt", encoding=advice).column("text") == [text]


def test_a_wrong_encoding_is_not_silent(tmp_path, caplog):
    path = tmp_path / "a.txt"
    path.write_text("a\ncafé\n", encoding="utf-8")
    read(path, encoding="latin-1")
    assert "all 1 lines that are not ASCII are valid UTF-8" in caplog.messages[0]
    with pytest.raises(DataError, match="does not begin with the mark of utf-16; give --encoding=utf-16-le or"):
        read(path, encoding="utf-16")
    path.write_text("\ufeffa\n", encoding="utf-8")
    with pytest.raises(DataError, match="begins with the mark of UTF-8; leave out --encoding"):
        read(path, encoding="cp1252")
    path.write_bytes(b"a\n\x81\n")
    with pytest.raises(DataError, match="a.txt, line 2: not cp1252"):
        read(path, encoding="cp1252")
    with pytest.raises(ConfigError, match="'latn-1', which Python does not know; did you mean 'latin-1'?"):
        read(path, encoding="latn-1")
    with pytest.raises(ConfigError, match="'base64', which"):
        read(path, encoding="base64")


def test_no_encoding_is_claimed_that_the_line_does_not_have():
    for line in (b"\xff\xff", b"ab\x80", b"\xe4\xbd"):
        for encoding in likely_encodings(line, begins=False):
            line.decode(encoding)
