"""A process that may open no more files: told once, and tried again until it may."""

import contextlib
import errno
import logging
import os
import resource
import shutil

import pytest
from served import eventually
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfbert.errors import ServingError
from tfbert.serving.models.batching_parameters import BatchingParameters
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.models.model_version import ModelVersion
from tfbert.serving.models.servable import Servable
from tfbert.serving.models.versions import ModelSettings, find_versions


@contextlib.contextmanager
def no_more_files(left=0):
    """This process may open `left` more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + left, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def events(caplog, name):
    return [each for each in caplog.records if getattr(each, "event", "") == name]


@pytest.mark.parametrize("left", [0, 1])
def test_tensorflow_cannot_open_a_file(numbered, tmp_path, left):
    shutil.copytree(numbered / "1", tmp_path / "1")
    version = ModelVersion("mine", 1, tmp_path / "1")
    with no_more_files(left):
        version.load(BatchingParameters(), join=True, observe=None)
    assert version.state == ModelVersionStatus.END and "may open no more files" in version.error
    assert version.may_load()
    version.load(BatchingParameters(), join=True, observe=None)
    assert version.loaded and not version.without_files
    version.unload()


def test_it_is_told_once_and_tried_until_it_works(numbered, tmp_path, monkeypatch, caplog):
    shutil.copytree(numbered / "1", tmp_path / "1")
    manager = ModelManager(BatchingParameters(), poll_seconds=0.02)
    manager.reload([ModelSettings("mine", tmp_path)])
    load, failures = Servable.__init__, []

    def fail(self, folder, threads):
        if len(failures) >= 5:
            return load(self, folder, threads)
        failures.append(OSError(errno.EMFILE, "Too many open files"))
        try:
            raise failures[-1]
        except OSError as error:
            raise ServingError(f"{folder}: the SavedModel cannot be loaded") from error

    monkeypatch.setattr(Servable, "__init__", fail)
    try:
        shutil.copytree(numbered / "2", tmp_path / ".2")
        (tmp_path / ".2").rename(tmp_path / "2")
        eventually(lambda: [each.version for each in manager.available()] == [2])
    finally:
        manager.close()
    (told,) = events(caplog, "load_failed")
    assert len(failures) == 5 and told.levelno == logging.ERROR and "tried again" in told.getMessage()


def test_looking_for_versions_is_told_each_time_it_begins_to_fail(tmp_path, caplog, monkeypatch):
    # A server that was started in this process lets one such line a second through.
    monkeypatch.setattr(logging.getLogger("tfbert.serving"), "filters", [])
    (tmp_path / "1").mkdir()
    for _ in range(2):
        with no_more_files():
            assert find_versions(tmp_path) == find_versions(tmp_path) == {}
        assert find_versions(tmp_path) == {1: tmp_path / "1"}
    assert len(events(caplog, "passed_over")) == 2
