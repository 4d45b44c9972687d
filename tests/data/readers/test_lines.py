"""Text in blocks: any size of file in constant memory."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfbert.data.readers.lines import text_blocks
from tfbert.errors import DataError


@given(st.text("ab é字😀\n\r ", max_size=60), st.integers(1, 12), st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_make_up_the_text(tmp_path, text, size, compressed):
    path = tmp_path / ("a.txt.gz" if compressed else "a.txt")
    data = text.encode()
    path.write_bytes(gzip.compress(data) if compressed else data)
    assert "".join(text_blocks(str(path), size)) == text


def test_blocks_end_with_a_word(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfthe film\nis long " + "字".encode() * 9)
    assert list(text_blocks(str(path), 12)) == ["the film\n", "is long ", "字" * 5, "字" * 4]


@pytest.mark.parametrize("size", [4, 1000])
def test_faults_are_named_by_their_line(tmp_path, size):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntwo words\nca\xe9f\n")
    with pytest.raises(DataError, match=r"a.txt, line 3, byte 3 of the line: 0xe9 is not UTF-8"):
        list(text_blocks(str(path), size))
    path.write_bytes("text\n".encode("utf-16"))
    with pytest.raises(DataError, match=r"a.txt, line 1, byte 1 .* UTF-16"):
        list(text_blocks(str(path), size))
    cut = tmp_path / "cut.txt.gz"
    cut.write_bytes(gzip.compress(bytes(range(97, 122)) * 999)[:-20])
    with pytest.raises(DataError, match=r"cut.txt.gz, after line 1: the gzip file is truncated"):
        list(text_blocks(str(cut), size))
    with pytest.raises(DataError, match=r"absent.txt: there is no such file"):
        list(text_blocks(str(tmp_path / "absent.txt"), size))
    path.write_bytes("ab字".encode()[:-1])
    with pytest.raises(DataError, match=r"line 1, byte 3"):
        list(text_blocks(str(path), size))
