"""Entries in a model's folder that are no version: each is named once, and everything else goes on."""

import logging
import os
import shutil
import socket
import threading

import pytest
from served import eventually

from tfbert.errors import ServingError
from tfbert.serving.models import folder_entries
from tfbert.serving.models.batching_parameters import BatchingParameters
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.models.versions import ModelSettings, find_model, find_versions


def circle(path):
    path.symlink_to(path.name)


def dangling(path):
    path.symlink_to("nowhere")


ODD = {"circle": circle, "dangling": dangling, "fifo": os.mkfifo, "file": lambda path: path.write_text("x")}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_an_odd_entry_is_named_once_and_passed_over(tmp_path, caplog, make):
    (tmp_path / "1").mkdir()
    make(tmp_path / "7")
    for _ in range(3):
        assert find_versions(tmp_path) == {1: tmp_path / "1"}
    (record,) = [each for each in caplog.records if getattr(each, "event", "") == "passed_over"]
    assert record.levelno == logging.WARNING and f"{tmp_path / '7'}: passed over (" in record.getMessage()
    (tmp_path / "7").unlink()
    (tmp_path / "7").mkdir()
    assert set(find_versions(tmp_path)) == {1, 7}
    assert len([each for each in caplog.records if getattr(each, "event", "") == "passed_over"]) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_named(tmp_path, caplog):
    (tmp_path / "mine/1").mkdir(parents=True)
    (tmp_path / "mine").chmod(0o600)
    try:
        assert find_versions(tmp_path / "mine") == {}
        with pytest.raises(ServingError, match="no version folder"):
            find_model(tmp_path / "mine")
        assert "passed over (Permission denied)" in caplog.text
    finally:
        (tmp_path / "mine").chmod(0o700)


def put(numbered, folder, number):
    shutil.copytree(numbered / str(number), folder.parent / f"copying-{folder.name}")
    (folder.parent / f"copying-{folder.name}").rename(folder / str(number))


def serving(models):
    return sorted((each.model, each.version) for each in models.available())


def test_polling_goes_on_beside_circles_and_fifos(numbered, tmp_path, caplog):
    bases = [tmp_path / "first", tmp_path / "second"]
    for base in bases:
        shutil.copytree(numbered / "1", base / "1")
    models = ModelManager(BatchingParameters(), poll_seconds=0.05)
    models.reload([ModelSettings(base.name, base) for base in bases])
    try:
        circle(bases[0] / "8")
        os.mkfifo(bases[0] / "9")
        (bases[0] / "7").mkdir()
        os.mkfifo(bases[0] / "7/saved_model.pb")  # whoever reads it waits for a writer
        circle(bases[0] / "7/variables")
        for base in bases:
            put(numbered, base, 2)
        eventually(lambda: ("second", 2) in serving(models))
        eventually(lambda: any(version == 7 and error for version, _, error in models.status("first")))
        (error,) = [error for version, _, error in models.status("first") if version == 7]
        assert error.endswith("7/saved_model.pb: is a FIFO, not a file; export the model again")
        # The folder is mended: the same version is tried again.
        shutil.rmtree(bases[0] / "7")
        put(numbered, bases[0], 3)
        (bases[0] / "3").rename(bases[0] / "7")
        eventually(lambda: ("first", 7) in serving(models))
        events = [each.event for each in caplog.records if hasattr(each, "event")]
        assert events.count("passed_over") == 2 and "poll_failed" not in events
    finally:
        closing = threading.Thread(target=models.close, args=(5,), daemon=True)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()


def test_one_models_fault_does_not_stop_the_others(numbered, tmp_path, caplog, monkeypatch):
    bases = [tmp_path / "first", tmp_path / "second"]
    for base in bases:
        shutil.copytree(numbered / "1", base / "1")
    models = ModelManager(BatchingParameters(), poll_seconds=0.05)
    models.reload([ModelSettings(base.name, base) for base in bases])
    missing, polls = models._missing, []

    def failing(name, wanted):
        if name == "first":
            polls.append(name)
            raise OSError("broken")
        return missing(name, wanted)

    monkeypatch.setattr(models, "_missing", failing)
    try:
        put(numbered, bases[1], 2)
        eventually(lambda: ("second", 2) in serving(models) and len(polls) > 3)
        assert [each.event for each in caplog.records if hasattr(each, "event")].count("poll_failed") == 1
    finally:
        models.close()


def test_snapshots_of_circles_end_and_change(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/up").symlink_to(tmp_path, target_is_directory=True)
    circle(tmp_path / "loop")
    before = folder_entries.snapshot(tmp_path)
    assert before == folder_entries.snapshot(tmp_path) and len(before) < 20
    (tmp_path / "a/new").write_text("x")
    assert folder_entries.snapshot(tmp_path) != before
    folder_entries.check_files(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # a socket's path must be short
        listener.bind("s")
        with pytest.raises(ServingError, match="s: is a socket, not a file"):
            folder_entries.check_files(tmp_path)
    (tmp_path / "s").unlink()
    (tmp_path / "null").symlink_to("/dev/null")
    with pytest.raises(ServingError, match="null: is a device"):
        folder_entries.check_files(tmp_path)
