import os
import resource
import signal
import stat
import subprocess
import sys

import pytest

from tfbert.errors import DiskError
from tfbert.files import replace_file, replace_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write(path, text):
    with replace_folder(path, marker="config.json") as folder:
        (folder / "config.json").write_text(text)


def test_a_folder_takes_the_place_of_the_one_before(tmp_path):
    write(tmp_path / "a", "1")
    write(tmp_path / "a", "2")
    assert (tmp_path / "a/config.json").read_text() == "2"
    assert names(tmp_path) == ["a"]
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE(tmp_path.stat().st_mode) | 0o055 & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_error_leaves_what_stood_there(tmp_path):
    write(tmp_path / "a", "1")
    with pytest.raises(RuntimeError), replace_folder(tmp_path / "a", marker="config.json") as folder:
        (folder / "config.json").write_text("half")
        raise RuntimeError
    assert (tmp_path / "a/config.json").read_text() == "1"
    assert names(tmp_path) == ["a"]


def test_a_folder_of_somebody_else_is_not_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_text("years")
    with pytest.raises(DiskError, match=r"holds no config\.json; it is not replaced"):
        write(tmp_path / "home", "1")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DiskError):
        write(tmp_path / "file", "1")
    assert names(tmp_path / "home") == ["thesis.tex"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "answers.jsonl"
    with replace_file(path) as file:
        file.write("old")
    with pytest.raises(RuntimeError), replace_file(path) as file:
        file.write("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["answers.jsonl"]


def limited_to(size):
    """Runs before a child's program: its files may not grow past `size`, as on a full disk."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write fails with an error instead of killing
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


SAVE = """
import sys, tfbert
from tfbert.models import load
from tfbert.errors import DiskError
model = tfbert.TextClassifier.from_checkpoint(sys.argv[1], labels=["a", "b"])
for write in (lambda: model.save(sys.argv[2]), lambda: model.export(sys.argv[3])):
    try:
        write()
    except DiskError as error:
        print("DiskError:", error)
"""


def test_a_full_disk_while_saving(tiny_checkpoint, tmp_path):
    old, served = tmp_path / "model", tmp_path / "served/1"
    old.mkdir()
    (old / "config.json").write_text("old")
    result = subprocess.run(
        [sys.executable, "-c", SAVE, tiny_checkpoint, old, served],
        capture_output=True,
        text=True,
        preexec_fn=limited_to(20_000),
        timeout=300,
    )
    assert result.stdout.count("DiskError: could not write") == 2, result.stdout + result.stderr[-2000:]
    assert (old / "config.json").read_text() == "old"
    assert names(tmp_path) == ["model", "served"]
    assert names(tmp_path / "served") == []
