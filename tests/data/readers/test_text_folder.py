"""A folder with a subfolder a class and a file a text."""

import os

import pytest

from tfbert.data import read, stream
from tfbert.errors import ConfigError, DataError, RowError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def folder(files, encoding="utf-8"):
        for name, text in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode(encoding))
        return "data"

    return folder


FILES = {"pos/2.txt": "two\r\nlines\n", "pos/10": "\ufeffmarked", "neg/deep/1.txt": "bad", "neg/0.txt": ""}


def test_subfolders_are_labels(folder, caplog):
    name = folder({**FILES, ".git/x": "x", "pos/.DS_Store": "x", "__MACOSX/pos/2.txt": "x"})
    table = read(name)
    assert list(table) == [
        {"text": "", "label": "neg", "file": "neg/0.txt"},
        {"text": "bad", "label": "neg", "file": "neg/deep/1.txt"},
        {"text": "marked", "label": "pos", "file": "pos/10"},
        {"text": "two\r\nlines", "label": "pos", "file": "pos/2.txt"},
    ]
    assert table.row_name(1) == "data, file neg/deep/1.txt"
    assert [len(window) for window in stream(name, most_rows=3)] == [3, 1]
    assert table.select([3]).row_name(0) == "data, file pos/2.txt"
    assert not caplog.messages


def test_what_has_no_class_is_left_out_and_said(folder, caplog):
    table = read(folder({**FILES, "unsup/1.txt": "x", "urls_pos.txt": "x", "labeledBow.feat": "x"}))
    assert set(table.column("label")) == {"neg", "pos"}
    assert caplog.messages == [
        "data: unsup holds texts without a class, which are left out",
        "data: 2 files beside the subfolders are not read, such as labeledBow.feat",
    ]


def test_another_encoding(folder):
    name = folder({"bbc/a.txt": "caf\u00e9", "sport/b.txt": "match"}, "latin-1")
    with pytest.raises(
        RowError,
        match=r"^data/bbc/a.txt: not utf-8; it seems to be latin-1: give --encoding=latin-1, in Python encoding='latin-1'",
    ):
        read(name)
    assert read(name, encoding="latin-1").column("text") == ["caf\u00e9", "match"]
    table = read(name, bad_rows="skip")
    assert table.column("text") == ["match"] and table.bad_rows.counts() == {"another encoding": 1}


def test_other_folders(folder):
    with pytest.raises(DataError, match="data: this is a folder; name a file in it"):
        read(folder({"a.txt": "x"}))
    os.remove("data/a.txt")
    with pytest.raises(DataError, match="data: this is a folder; it is empty"):
        read("data")
    folder({"train/pos/a.txt": "x", "test/pos/a.txt": "x"})
    with pytest.raises(DataError, match="this is a folder with test, train in it; name one of them, data/test"):
        read("data")
    os.mkdir("empty")
    os.mkdir("empty/a")
    with pytest.raises(DataError, match="this is a folder whose subfolders hold no files"):
        read("empty")
    with pytest.raises(ConfigError, match="leave out column_names"):
        read("data", column_names=["a"])
    with pytest.raises(DataError, match="data: this is a folder"):
        read("data", format="csv")
    with pytest.raises(DataError, match="data/test/pos/a.txt: cannot be read as a folder"):
        read("data/test/pos/a.txt", format="folder")
