"""The files of a run that grow by a line: what a full disk and a torn line leave."""

import json
import resource

import pytest

from tfbert.errors import DiskError
from tfbert.runs.logs.history_file import append_history, keep_history, read_history

LINES = [{"step": step, "text": "é\u2028" * 20} for step in range(50)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for line in LINES:
        append_history(path, line)
    return path


@pytest.fixture
def full_disk(path):
    """No file may grow, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_lines(path, tmp_path):
    assert read_history(path) == LINES
    keep_history(path, 7)
    assert read_history(path) == LINES[:8]
    assert read_history(tmp_path / "none") == []


@pytest.mark.parametrize("cut", [4, 5, 9])  # within and between characters of the text
def test_a_torn_line_is_left_out_and_goes(path, cut):
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert read_history(path) == LINES[:-1]
    keep_history(path, 100)
    append_history(path, LINES[-1])
    assert path.read_bytes() == whole


def test_a_full_disk_loses_nothing(path, full_disk):
    for write in (lambda: keep_history(path, 40), lambda: append_history(path, LINES[0])):
        with pytest.raises(DiskError, match=r"could not write .*metrics\.jsonl: File too large"):
            write()
        assert [json.loads(line) for line in path.read_bytes().splitlines()] == LINES
    assert not list(path.parent.glob(".metrics*"))


@pytest.mark.parametrize(
    "line",
    [b"[1]", b"{}", b'{"step": "7"}', b'{"step": true}', b'{"step": 3, "text": "\\ud800"}', b"[" * 100_000],
    ids=lambda line: line[:20],
)
def test_a_damaged_line_ends_the_file(path, line, caplog):
    path.write_bytes(line + b"\n" + path.read_bytes())
    assert read_history(path) == []
    assert f"line 1 is damaged; it and the {len(LINES)} after it are left out" in caplog.text
    keep_history(path, 7)
    assert path.read_bytes() == b""
