import functools
import hashlib
import os
import pathlib
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile

import pytest

import tfbert.temporary
from tfbert.errors import CheckpointError, ConfigError, DiskError
from tfbert.files import (
    disk_errors,
    file_sha256,
    json_object,
    read_json_object,
    replace_file,
    replace_folder,
    replace_json,
    write_json,
)
from tfbert.temporary import remove_leftovers, temporary_folder


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


KILLED = """
import os, signal, sys
from tfbert.files import replace_file, replace_folder
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def rename(source, target, rename=os.rename):
    rename(source, target)
    if str(target).endswith("/old"):
        die()
if sys.argv[1] == "renaming":
    os.rename = rename
with (replace_file(sys.argv[2]) if sys.argv[1] == "file" else replace_folder(sys.argv[2], "config.json")) as aside:
    if sys.argv[1] != "file":
        (aside / "config.json").write_text("new")
    if sys.argv[1] != "renaming":
        die()
"""


@pytest.mark.parametrize("when", ["file", "folder", "renaming"])
def test_what_a_kill_left_is_removed_at_the_next_start(tmp_path, when):
    target = tmp_path / "a"

    def write_again():
        with replace_file(target) as file:
            file.write("2")

    if when != "file":
        write(target, "1")
        write_again = functools.partial(write, target, "2")
    others = [
        f".a.{socket.gethostname()}.{os.getppid()}",
        ".a.elsewhere.99",
        ".a.txt",
    ]  # at work, of another host, a file
    for name in others:
        (tmp_path / name).touch()
    for finish in (write_again, functools.partial(remove_leftovers, tmp_path)):
        result = subprocess.run([sys.executable, "-c", KILLED, when, target], capture_output=True, text=True)
        assert result.returncode == -signal.SIGKILL, result.stderr
        assert len(names(tmp_path)) > len(others) + (target.exists())
        finish()
        assert names(tmp_path) == sorted([*others, "a"])
    if when == "renaming":  # nothing stood in the place, and the one before has it back
        assert (target / "config.json").read_text() == "2"


def test_a_temporary_folder_that_a_kill_left_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    program = """
import os, signal
from tfbert.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "saved_model.pb").write_text("large")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    with temporary_folder() as one, temporary_folder() as other:
        (one / "part").write_text("1")
        assert set(tmp_path.iterdir()) == {one, other} and not left.exists()
    assert names(tmp_path) == []


def test_all_temporary_folders_are_removed_after_a_kill():
    """`tempfile` is called where leftovers are found again, and nowhere else."""
    package = pathlib.Path(tfbert.temporary.__file__).parent
    callers = [path.name for path in package.rglob("*.py") if "tempfile." in path.read_text(encoding="utf-8")]
    assert callers == ["temporary.py"]


def test_what_takes_a_place_is_on_the_disk(tmp_path, monkeypatch):
    events = []

    def fsync(descriptor, fsync=os.fsync):
        events.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def renames(name, function):
        def rename(source, target):
            events.append(f"{source} -> {target}")
            function(source, target)

        monkeypatch.setattr(os, name, rename)

    monkeypatch.setattr(os, "fsync", fsync)
    renames("rename", os.rename)
    renames("replace", os.replace)
    with replace_folder(tmp_path / "a", marker="config.json") as aside:
        (aside / "inner").mkdir()
        (aside / "inner/weights").write_text("1")
    assert events == [
        *map(str, (aside, aside / "inner/weights", aside / "inner")),
        f"{aside} -> {tmp_path / 'a'}",
        str(tmp_path),
    ]
    events.clear()
    with replace_file(tmp_path / "b") as file:
        file.write("1")
    assert events == [file.name, f"{file.name} -> {tmp_path / 'b'}", str(tmp_path)]


def test_disk_errors(tmp_path):
    with (
        pytest.raises(DiskError, match="could not write a: No such file or directory; b is kept"),
        disk_errors("a", "b is kept"),
    ):
        (tmp_path / "none/a").write_text("x")

    class Remote(Exception):
        message = "quota exceeded"

    with pytest.raises(DiskError, match="a: quota exceeded; nothing was changed"), disk_errors("a", errors=(Remote,)):
        raise Remote
    with pytest.raises(Remote), disk_errors("a"):  # what nobody asked for is no fault of the disk
        raise Remote


def test_json(tmp_path):
    path, values = tmp_path / "a.json", {"ü": [1, 2.5, None]}
    for write, options, text in (
        (write_json, {}, '{\n  "ü": [\n    1,\n    2.5,\n    null\n  ]\n}\n'),
        (replace_json, {"indent": None}, '{"ü": [1, 2.5, null]}\n'),
        (replace_json, {"indent": None, "ensure_ascii": True}, '{"\\u00fc": [1, 2.5, null]}\n'),
    ):
        write(path, values, **options)
        assert path.read_text(encoding="utf-8") == text
        assert read_json_object(path) == values
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": ', "a.json is not JSON: Expecting value"),
        (b'{"a": "\xff"}', "a.json is not JSON: .*0xff"),
        (b"[" * 200_000, "a.json is not JSON: maximum recursion depth"),
        (b"[1]", "a.json holds list, not a JSON object"),
        (None, "a.json does not exist"),
    ],
)
def test_no_json_object(tmp_path, content, message):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    for error in (CheckpointError, ConfigError):
        with pytest.raises(error, match=message):
            read_json_object(path, error)


def test_a_remedy_follows_the_fault():
    for text in ("{", "[]"):
        with pytest.raises(CheckpointError, match="; copy it again$"):
            json_object(text, "a.json", remedy="copy it again")


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(content := os.urandom(3 << 20))
    assert file_sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


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
